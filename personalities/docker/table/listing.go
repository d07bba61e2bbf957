package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/template"

	"box/personalities/docker/session"
)

// Listing describes how one kind of object is listed: the columns of its table, and the placeholders of --format.
type Listing struct {
	Setting  string   // key in config.json of the default format
	Standard []Column // columns of the default table
	Others   []Column // placeholders without a column in the default table
	Raw      string   // template of the format "raw"
	Key      string   // placeholder that --quiet prints
	Flexible []string // fields that are shortened in a narrow window
	Optional []string // fields that are left out in a narrow window, in this order
}

// Column is a placeholder, its header, and optionally the template of its cell if that is not the placeholder alone.
type Column [3]string

// FormatHelp is the help text of --format in commands that list.
const FormatHelp = "table, json, or a Go template; 'table TEMPLATE' has column headers"

// Format returns the requested format, or else that of config.json.
func (l *Listing) Format(s *session.Session, asked string) string {
	if asked != "" || l.Setting == "" {
		return asked
	}
	set, err := s.Config()
	if err != nil {
		return ""
	}
	return set.Formats[l.Setting]
}

// Quiet returns the format to use with --quiet: the key alone in place of a table. Other formats stay as they are.
func (l *Listing) Quiet(format string) string {
	switch format {
	case "", "table":
		return "{{." + l.Key + "}}"
	case "raw":
		for line := range strings.Lines(l.Raw) {
			if strings.Contains(line, "{{."+l.Key+"}}") {
				return strings.TrimSuffix(line, "\n")
			}
		}
	}
	return format
}

// Print writes rows in a format. An empty format is that of config.json, or else the table. Templates use the methods
// of a row.
func Print[R any](s *session.Session, w io.Writer, l *Listing, format string, rows []R) error {
	format = l.Format(s, format)
	source, isTable := l.source(format)
	t, err := parse[R](source)
	if err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	var lines bytes.Buffer
	for _, r := range rows {
		if err := t.Execute(&lines, r); err != nil {
			return fmt.Errorf("template parsing error: %w", err)
		}
		lines.WriteByte('\n')
	}
	if !isTable {
		_, err := lines.WriteTo(w)
		return err
	}
	var all bytes.Buffer
	if err := t.Funcs(overHeaders()).Execute(&all, l.headers()); err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	all.WriteByte('\n')
	lines.WriteTo(&all)
	columns := 0
	if format == "" || format == "table" { // the default table
		columns = window(s.Out)
	}
	return l.LayOut(w, all.String(), columns)
}

// LayOut prints a table whose cells are separated by tabs, to fit a window of so many columns; 0 means no limit.
func (l *Listing) LayOut(w io.Writer, text string, columns int) error {
	t := readTable(text)
	if columns > 0 {
		for _, c := range l.Standard {
			t.fields = append(t.fields, c[0])
		}
		t.fit(columns, l.Flexible, l.Optional)
	}
	return t.write(w)
}

// source returns the template for a format.
func (l *Listing) source(format string) (source string, isTable bool) {
	switch {
	case format == "" || format == "table":
		return l.standard(), true
	case format == "json":
		return "{{json .}}", false
	case format == "raw" && l.Raw != "":
		return l.Raw, false
	}
	source, isTable = strings.CutPrefix(format, "table")
	return Unescape(strings.Trim(source, " ")), isTable
}

// standard returns the template of the default table.
func (l *Listing) standard() string {
	var cells []string
	for _, c := range l.Standard {
		cell := c[2]
		if cell == "" {
			cell = "{{." + c[0] + "}}"
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, "\t")
}

// Unescape replaces the characters \t by a tab and \n by a newline, since shells rarely do.
func Unescape(format string) string {
	return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
}

// headers is the value over which a template is run to print the header line.
type headers map[string]string

// Label returns the header of a label's column: the last part of the label's name.
func (headers) Label(name string) string {
	return strings.NewReplacer("-", " ", "_", " ").Replace(name[strings.LastIndexByte(name, '.')+1:])
}

func (l *Listing) headers() headers {
	h := headers{}
	for _, columns := range [][]Column{l.Standard, l.Others} {
		for _, c := range columns {
			h[c[0]] = c[1]
		}
	}
	return h
}

// overHeaders replaces the template functions that would change a header by ones that do not.
func overHeaders() template.FuncMap {
	same := func(v string) string { return v }
	with := func(v, _ string) string { return v }
	return template.FuncMap{"json": same, "title": same, "lower": same, "upper": same, "split": with, "join": with,
		"truncate": func(v string, _ int) string { return v }}
}
