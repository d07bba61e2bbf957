package table

import (
	"encoding/json"
	"strings"
	"testing"

	"box/templates"
)

type inspected struct {
	ID    string `json:"Id"`
	State *state
	Tags  []string
	Ports map[string][]string
	Size  int
}

type state struct{ Status string }

// TestValue: typed first, then what the daemon said; JSON of what was read is as it came.
func TestValue(t *testing.T) {
	const raw = `{"Id":"x", "New":{"b":1,"a":12345678901234567}, "State":{"Later":true,"Status":"up"}, "Tags":["<a>"], "Ports":{"1":["2"]}}`
	var typed inspected
	if err := json.Unmarshal([]byte(raw), &typed); err != nil {
		t.Fatal(err)
	}
	v := Value{&typed, json.RawMessage(raw)}
	for text, want := range map[string]string{
		`{{.ID}} {{.Size}}`: "x 0", `{{.Id}} {{.New.a}}`: "x 12345678901234567", `{{.State.Later}}`: "true",
		`{{json .}}`:      strings.ReplaceAll(raw, " ", ""),
		`{{json .State}}`: `{"Later":true,"Status":"up"}`,
		`{{json .Tags}}`:  `["<a>"]`,
		`{{json .Ports}}`: `{"1":["2"]}`,
		`{{json .New}}`:   `{"a":12345678901234567,"b":1}`,
		`{{json .ID}}`:    `"x"`,
		`{{json 3}}`:      `3`,
		`{{range .Tags}}{{json .}}{{end}}{{with .State}}{{json .}}{{end}}`: `"<a>"{"Later":true,"Status":"up"}`,
	} {
		tmpl, err := templates.Parse("", text)
		if err != nil {
			t.Fatal(err)
		}
		if out, typedErr, rawErr := v.Text(tmpl); typedErr != nil || rawErr != nil || string(out) != want {
			t.Errorf("%s: %q, %v, %v; want %q", text, out, typedErr, rawErr, want)
		}
	}
	for text, want := range map[string][2]string{
		`{{.Nope}}`:         {"can't evaluate field Nope in type *table.inspected", `map has no entry for key "Nope"`},
		`{{.State.Nope}}`:   {"can't evaluate field Nope in type *table.state", `map has no entry for key "Nope"`},
		`{{.ID}}{{.id}}`:    {"can't evaluate field id", `map has no entry for key "ID"`},
		`{{index .Tags 7}}`: {"index out of range: 7", "index out of range: 7"},
	} {
		tmpl, err := templates.Parse("", text)
		if err != nil {
			t.Fatal(err)
		}
		_, typedErr, rawErr := v.Text(tmpl)
		if typedErr == nil || rawErr == nil || !strings.Contains(typedErr.Error(), want[0]) ||
			!strings.Contains(rawErr.Error(), want[1]) {
			t.Errorf("%s: %v, %v", text, typedErr, rawErr)
		}
	}
	for _, hostile := range []string{`[]`, `3`, `{"State":[1],"Tags":{"a":1},"Ports":7}`, `{"State":null}`, `{`} {
		tmpl, _ := templates.Parse("", `{{json .}}{{json .State}}{{json .Tags}}{{json .Ports}}`)
		if out, _, _ := (Value{&typed, json.RawMessage(hostile)}).Text(tmpl); len(out) > 1000 {
			t.Errorf("%s: %s", hostile, out)
		}
	}
}

type listed struct{ name string }

func (l *listed) Name() string          { return l.name }
func (l *listed) Up() bool              { return true }
func (l *listed) Label(s string) string { return s + "!" }

// TestObjectOf: what has no arguments, sorted and escaped.
func TestObjectOf(t *testing.T) {
	raw, err := json.Marshal(Objects([]*listed{{"<x>"}}))
	if err != nil || string(raw) != `[{"Name":"\u003cx\u003e","Up":true}]` {
		t.Errorf("%s, %v", raw, err)
	}
	if parseErr, err := Try(`{{json .}}{{.Label "a"}}`, &listed{}); parseErr != nil || err != nil {
		t.Error(parseErr, err)
	}
	if parseErr, _ := Try(`{{`, &listed{}); parseErr == nil {
		t.Error("a broken template is taken")
	}
	if _, err := Try(`{{.Gone}}`, &listed{}); err == nil {
		t.Error("a field that no row has is taken")
	}
}
