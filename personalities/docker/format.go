package docker

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"box/template"
)

// listing is how one kind of thing is listed: the columns of its table, and the placeholders of --format.
type listing struct {
	setting  string   // key in config.json that replaces the default format
	standard []column // the table without --format
	others   []column // placeholders that the table does not show
	flexible []string // fields that are cut in a window that is too narrow
	optional []string // fields that are left out there, the first first
}

// column is a placeholder, and what stands over it in a table.
type column [2]string

// row is one line: placeholder to text. Label, where there is one, looks a label up.
type row struct {
	fields map[string]any
	label  func(string) string
}

// formatHelp describes --format of a listing.
const formatHelp = "table, json, or a Go template; 'table TEMPLATE' has column headers"

// print writes the rows in a format; an empty one is the user's setting or the table.
func (l *listing) print(s *session, w io.Writer, format string, rows []row) error {
	if format == "" {
		if set, err := s.config(); err == nil && l.setting != "" {
			format = set.Formats[l.setting]
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
		columns = window(s.out)
	}
	return l.layOut(w, body.String(), columns)
}

// layOut prints a table whose cells are apart by tabs, in a window of so many columns; 0 for one that is wide enough.
func (l *listing) layOut(w io.Writer, text string, columns int) error {
	t := readTable(text)
	if columns > 0 {
		t.fields = l.fieldNames()
		t.fit(columns, l.flexible, l.optional)
	}
	return t.write(w)
}

// isStandard tells the table that nobody asked for in particular.
func (l *listing) isStandard(format string) bool { return format == "" || format == "table" }

// fieldNames are the columns of the standard table.
func (l *listing) fieldNames() []string {
	var names []string
	for _, c := range l.standard {
		names = append(names, c[0])
	}
	return names
}

// template reads a format: a Go template, or one of the words that stand for one.
func (l *listing) template(format string) (t *template.Template, isTable bool, err error) {
	source := format
	if format == "" || format == "table" {
		var parts []string
		for _, c := range l.standard {
			parts = append(parts, "{{."+c[0]+"}}")
		}
		source, isTable = strings.Join(parts, "\t"), true
	} else if rest, ok := strings.CutPrefix(format, "table "); ok {
		source, isTable = unescape(rest), true
	} else if format == "json" {
		source = "{{json .}}"
	} else {
		source = unescape(format)
	}
	t, err = template.Parse(strings.TrimSpace(source))
	if err != nil {
		return nil, false, fmt.Errorf("failed to parse template: %w", err)
	}
	return t, isTable, nil
}

// unescape turns the two characters \t into a tab and \n into a line end: shells rarely do.
func unescape(format string) string {
	return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
}

func (l *listing) lines(w io.Writer, t *template.Template, rows []row) error {
	for _, r := range rows {
		if err := execute(w, t, r.object()); err != nil {
			return err
		}
	}
	return nil
}

func execute(w io.Writer, t *template.Template, data any) error {
	var line bytes.Buffer
	if err := t.Execute(&line, data); err != nil {
		return fmt.Errorf("failed to execute template: %w", err)
	}
	line.WriteByte('\n')
	_, err := line.WriteTo(w)
	return err
}

// header is the template over the names of the columns; a label's column is headed by its last word.
func (l *listing) header(w io.Writer, t *template.Template) error {
	o := &template.Object{}
	for _, c := range slices.Concat(l.standard, l.others) {
		o.Set(c[0], c[1])
	}
	o.Hidden = map[string]any{"Label": func(name string) string {
		return strings.NewReplacer("-", " ", "_", " ").Replace(name[strings.LastIndexByte(name, '.')+1:])
	}}
	return execute(w, t, o)
}

// object is the row as a template sees it; {{json .}} prints its fields sorted.
func (r row) object() *template.Object {
	o := &template.Object{Escape: true}
	var keys []string
	for k := range r.fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		o.Set(k, r.fields[k])
	}
	if r.label != nil {
		o.Hidden = map[string]any{"Label": r.label}
	}
	return o
}

// labelText is labels as a listing shows them.
func labelText(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
