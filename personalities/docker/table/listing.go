package table

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"box/personalities/docker/session"
	"box/template"
)

// Listing is how one kind of thing is listed: the columns of its table, and the placeholders of --format.
type Listing struct {
	Setting  string   // key in config.json that replaces the default format
	Standard []Column // the table without --format
	Others   []Column // placeholders that the table does not show
	Flexible []string // fields that are cut in a window that is too narrow
	Optional []string // fields that are left out there, the first first
}

// Column is a placeholder, and what stands over it in a table.
type Column [2]string

// Row is one line: placeholder to text. Label, where there is one, looks a label up.
type Row struct {
	Fields map[string]any
	Label  func(string) string
}

// FormatHelp describes --format of a listing.
const FormatHelp = "table, json, or a Go template; 'table TEMPLATE' has column headers"

// Print writes the rows in a format; an empty one is the user's setting or the table.
func (l *Listing) Print(s *session.Session, w io.Writer, format string, rows []Row) error {
	if format == "" {
		if set, err := s.Config(); err == nil && l.Setting != "" {
			format = set.Formats[l.Setting]
		}
	}
	template, isTable, err := l.template(format)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	// also without a table: a placeholder that does not exist is an error even when there is no row
	if err := l.header(&body, template); err != nil {
		return err
	}
	if !isTable {
		return l.lines(w, template, rows)
	}
	if err := l.lines(&body, template, rows); err != nil {
		return err
	}
	columns := 0
	if l.isStandard(format) {
		columns = window(s.Out)
	}
	return l.LayOut(w, body.String(), columns)
}

// LayOut prints a table whose cells are apart by tabs, in a window of so many columns; 0 for one that is wide enough.
func (l *Listing) LayOut(w io.Writer, text string, columns int) error {
	t := readTable(text)
	if columns > 0 {
		t.fields = l.fieldNames()
		t.fit(columns, l.Flexible, l.Optional)
	}
	return t.write(w)
}

// isStandard tells the table that nobody asked for in particular.
func (l *Listing) isStandard(format string) bool { return format == "" || format == "table" }

// fieldNames are the columns of the standard table.
func (l *Listing) fieldNames() []string {
	var names []string
	for _, c := range l.Standard {
		names = append(names, c[0])
	}
	return names
}

// template reads a format: a Go template, or one of the words that stand for one.
func (l *Listing) template(format string) (t *template.Template, isTable bool, err error) {
	source := format
	if format == "" || format == "table" {
		var parts []string
		for _, c := range l.Standard {
			parts = append(parts, "{{."+c[0]+"}}")
		}
		source, isTable = strings.Join(parts, "\t"), true
	} else if rest, ok := strings.CutPrefix(format, "table "); ok {
		source, isTable = Unescape(rest), true
	} else if format == "json" {
		source = "{{json .}}"
	} else {
		source = Unescape(format)
	}
	t, err = template.Parse(strings.TrimSpace(source))
	if err != nil {
		return nil, false, fmt.Errorf("failed to parse template: %w", err)
	}
	return t, isTable, nil
}

// Unescape turns the two characters \t into a tab and \n into a line end: shells rarely do.
func Unescape(format string) string {
	return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
}

func (l *Listing) lines(w io.Writer, t *template.Template, rows []Row) error {
	for _, r := range rows {
		if err := Execute(w, t, r.object()); err != nil {
			return err
		}
	}
	return nil
}

// Execute writes a line by a template.
func Execute(w io.Writer, t *template.Template, data any) error {
	var line bytes.Buffer
	if err := t.Execute(&line, data); err != nil {
		return fmt.Errorf("failed to execute template: %w", err)
	}
	line.WriteByte('\n')
	_, err := line.WriteTo(w)
	return err
}

// header is the template over the names of the columns; a label's column is headed by its last word.
func (l *Listing) header(w io.Writer, t *template.Template) error {
	o := &template.Object{}
	for _, c := range slices.Concat(l.Standard, l.Others) {
		o.Set(c[0], c[1])
	}
	o.Hidden = map[string]any{"Label": func(name string) string {
		return strings.NewReplacer("-", " ", "_", " ").Replace(name[strings.LastIndexByte(name, '.')+1:])
	}}
	return Execute(w, t, o)
}

// object is the row as a template sees it; {{json .}} prints its fields sorted.
func (r Row) object() *template.Object {
	o := &template.Object{Escape: true}
	var keys []string
	for k := range r.Fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		o.Set(k, r.Fields[k])
	}
	if r.Label != nil {
		o.Hidden = map[string]any{"Label": r.Label}
	}
	return o
}
