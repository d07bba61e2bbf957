package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/template"

	"box/personalities/docker/session"
)

// Listing is how one kind of thing is listed: the columns of its table, and the placeholders of --format.
type Listing struct {
	Setting  string   // key in config.json that replaces the default format
	Standard []Column // the table without --format
	Others   []Column // placeholders that the table does not show
	Raw      string   // the template that the format "raw" stands for
	Key      string   // the placeholder that --quiet leaves
	Flexible []string // fields that are cut in a window that is too narrow
	Optional []string // fields that are left out there, the first first
}

// Column is a placeholder, and what stands over it in a table. A third text is the cell where it is more than that.
type Column [3]string

// FormatHelp describes --format of a listing.
const FormatHelp = "table, json, or a Go template; 'table TEMPLATE' has column headers"

// Format is the one that was asked for, or else that of config.json.
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

// Quiet is what --quiet makes of a format: the key alone in place of a table. A template stays what it is.
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

// Print writes rows in a format; an empty one is the user's setting or the table. What a template may name are the
// methods of a row.
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
	if format == "" || format == "table" { // the one that nobody asked for in particular
		columns = window(s.Out)
	}
	return l.LayOut(w, all.String(), columns)
}

// LayOut prints a table whose cells are apart by tabs, in a window of so many columns; 0 for one that is wide enough.
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

// source is the template that a format stands for.
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

// standard is the template of the table without --format.
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

// Unescape turns the two characters \t into a tab and \n into a line end: shells rarely do.
func Unescape(format string) string {
	return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
}

// headers is what a template is run over for the first line of a table.
type headers map[string]string

// Label is the header of a label's column: the last part of its name.
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

// overHeaders are the functions that would spoil a header; there they leave it as it is.
func overHeaders() template.FuncMap {
	same := func(v string) string { return v }
	with := func(v, _ string) string { return v }
	return template.FuncMap{"json": same, "title": same, "lower": same, "upper": same, "split": with, "join": with,
		"truncate": func(v string, _ int) string { return v }}
}
