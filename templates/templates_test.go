package templates

import (
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	data := map[string]any{"Name": "web", "List": []string{"a", "b"}, "Labels": map[string]string{"x": "<1 & 2>"}, "N": 3}
	for text, want := range map[string]string{
		`{{json .Labels}}`: `{"x":"<1 & 2>"}`, `{{json .List}}`: `["a","b"]`, `{{join .List "+"}}`: "a+b",
		`{{index (split "p/q" "/") 1}}`: "q",
		`{{upper .Name}}{{lower "AB"}}`: "WEBab", `{{title "two wörds don't x_y"}}`: "Two Wörds Don'T X_y",
		`[{{pad .Name 1 2}}]`: "[ web  ]",
		`{{pad "" 5 5}}`:      "", `{{truncate .Name 2}}`: "we", `{{truncate "열두달" 2}}`: "열두", `{{truncate .Name 9}}`: "web",
		`{{.N | printf "%03d"}}`:       "003",
		`{{range .List}}{{.}},{{end}}`: "a,b,", `{{.Gone}}`: "<no value>", `{{with .Name}}{{.}}!{{end}}`: "web!",
	} {
		parsed, err := Parse("t", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var b strings.Builder
		if err := parsed.Execute(&b, data); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", text, b.String(), err, want)
		}
	}
	for _, text := range []string{`{{`, `{{.Name | odd}}`, `{{end}}`} {
		if _, err := Parse("t", text); err == nil || !strings.HasPrefix(err.Error(), "template: t:1") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{{pad .Name 99999999 0}}`, `{{pad .Name -1 0}}`, `{{truncate .Name -1}}`,
		`{{join .Name ","}}`, `{{split .N ","}}`} {
		parsed, err := Parse("t", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := parsed.Execute(&strings.Builder{}, data); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
