package template

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

const sample = `{"Id":"abc","Name":"/a1","N":3,"F":1.5,"Big":9007199254740993,"Yes":true,"Null":null,"List":["x","y"],"Empty":[],
	"State":{"Status":"running","ExitCode":0},"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"81/udp":null},"Set":{"80/tcp":{}},"Html":"<a&b>"}`

func evaluate(t *testing.T, source, data string) (string, error) {
	t.Helper()
	v, err := Decode([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Parse(source)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = tmpl.Execute(&out, v)
	return out.String(), err
}

func TestExecute(t *testing.T) {
	for _, row := range []struct{ source, want string }{
		{`plain`, "plain"},
		{`{{.Name}} {{.N}} {{.F}} {{.Big}} {{.Yes}} {{.List}} {{.State}}`, "/a1 3 1.5 9007199254740993 true [x y] map[ExitCode:0 Status:running]"},
		{`{{.ID}} {{.id}} {{.Null}}`, "abc abc <nil>"},
		{`{{json .List}} {{json .State}} {{json .Html}} {{json .Null}}`, `["x","y"] {"Status":"running","ExitCode":0} "<a&b>" null`},
		{`{{range .List}}[{{.}}]{{end}}{{range .Empty}}x{{else}}none{{end}}`, "[x][y]none"},
		{`{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}`, "0=x 1=y "},
		{`{{range $k, $v := .Ports}}{{$k}}:{{range $v}}{{.HostPort}}{{end}} {{end}}`, "80/tcp:8080 81/udp: "},
		{`{{(index (index .Ports "80/tcp") 0).HostPort}}`, "8080"},
		{`{{with .State}}{{.Status}} {{$.Name}}{{end}}{{with .Null}}x{{else}}no{{end}}`, "running /a1no"},
		{`{{if eq .State.Status "running" "paused"}}up{{else if .Yes}}b{{end}}`, "up"},
		{`{{if and .Yes (gt .N 2)}}1{{end}}{{if or .Null .Empty}}2{{else}}3{{end}}{{if not .Null}}4{{end}}`, "134"},
		{`{{eq .State.ExitCode 0}} {{ne .N 4}} {{lt .F 2}} {{le .N 3}} {{ge .N 4}}`, "true true true true false"},
		{`{{len .List}} {{len .Name}} {{len .State}}`, "2 3 2"},
		{`{{printf "%s|%-4s|%03d|%v|%q" .Name "x" .N .Yes "q"}}`, `/a1|x   |003|true|"q"`},
		{`{{join .List ","}} {{upper "a"}} {{lower "A"}} {{title "ab cd"}} {{split "a:b" ":"}} {{truncate "hello" 3}}`, "x,y A a Ab Cd [a b] hel"},
		{`{{pad "x" 1 2}}|{{pad "" 1 2}}|{{println "a" "b"}}`, " x  ||a b\n"},
		{`{{.Name | printf "%s-%s" "x"}} {{"a" | upper | printf "%s"}}`, "x-/a1 A"},
		{`{{$x := .N}}{{$x}} {{$x = 5}}{{$x}}`, "3 5"},
		{`{{define "t"}}<{{.}}>{{end}}{{template "t" .N}}`, "<3>"},
		{`{{range .List}}{{if eq . "y"}}{{break}}{{end}}{{.}}{{end}}`, "x"},
		{`{{range .List}}{{if eq . "x"}}{{continue}}{{end}}{{.}}{{end}}`, "y"},
		{`a {{- " b " -}} c{{/* gone */}}`, "a b c"},
		{`{{slice .Name 1}} {{slice .List 1 2}} {{index .List 1}}`, "a1 [y] y"},
		{`{{.Set}}`, "map[80/tcp:{}]"},
		{`{{print 1 "a" 2}} {{urlquery "a b"}}`, "1a2 a+b"},
	} {
		if got, err := evaluate(t, row.source, sample); got != row.want || err != nil {
			t.Errorf("%s\n got %q, %v\nwant %q", row.source, got, err, row.want)
		}
	}
}

// TestMapsOfGo: what was a map and no struct of Go's is read as text/template reads one.
func TestMapsOfGo(t *testing.T) {
	type inner struct{ A string }
	type sample struct {
		Labels map[string]string
		None   map[string]string
		Nets   map[string]inner
		Any    map[string]any
	}
	v, err := Decode([]byte(`{"Labels":{"a":"b","Empty":""},"Nets":{"n":{"A":"x"}},"Any":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	v = Shape(v, reflect.TypeFor[sample]())
	for _, row := range []struct{ source, want string }{
		{`{{.Labels.a}}{{.Labels.c}}{{.Labels.A}}{{.Labels.Empty}}.`, "b<no value><no value>."},
		{`{{index .Labels "c"}}{{index .None "c"}}.{{index .Any "c"}}`, ".<nil>"},
		{`{{.None.c}} {{.Nets.m}} {{.Nets.m.A}} {{(index .Nets "m").A}}.`, "<no value> <no value> <no value> ."},
		{`{{if .Labels.c}}yes{{else}}no{{end}} {{with .Nets.n}}{{.A}}{{end}}`, "no x"},
	} {
		tmpl, err := Parse(row.source)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := tmpl.Execute(&got, v); got.String() != row.want || err != nil {
			t.Errorf("%s\n got %q, %v\nwant %q", row.source, got.String(), err, row.want)
		}
	}
}

func TestExecuteRefuses(t *testing.T) {
	for _, row := range []struct{ source, want string }{
		{`{{.Nope}}`, `template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"`},
		{`{{.State.Nope}}`, `template: :1:8: executing "" at <.State.Nope>: map has no entry for key "Nope"`},
		{`{{.Null.X}}`, `nil pointer evaluating interface {}.X`},
		{`{{.Name.X}}`, `can't evaluate field X in /a1`},
		{`{{index .List 9}}`, `index out of range: 9`},
		{`{{index .Null 0}}`, `index of untyped nil`},
		{`{{.Name 1}}`, `can't give argument to non-function .Name`},
		{`{{range .N}}{{end}}x`, `range can't iterate over 3`},
		{`{{split "a"}}`, `wrong number of args`},
		{`{{lt 1 "a"}}`, `incompatible types for comparison`},
		{`{{pad "x" 999999999 1}}`, `pad wants a text and two small numbers`},
		{`{{define "t"}}{{template "t" .}}{{end}}{{template "t" .}}`, `exceeded maximum template depth`},
		{`{{.`, `template: :1: illegal number syntax: "."`},
		{`{{nope}}`, `function "nope" not defined`},
		{`{{if}}{{end}}`, `missing value for if`},
	} {
		if _, err := evaluate(t, row.source, sample); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.source, err, row.want)
		}
	}
}

func TestDecodeKeepsOrderAndLimits(t *testing.T) {
	v, err := Decode([]byte(`{"z":1,"a":{"y":2,"b":3}}`))
	if err != nil || compact(v) != `{"z":1,"a":{"y":2,"b":3}}` {
		t.Errorf("%s, %v", compact(v), err)
	}
	for _, bad := range []string{"", "{", `{"a":1}{}`, strings.Repeat("[", maxDepth+2)} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.10q decoded", bad)
		}
	}
}

type health struct{ Status string }
type shaped struct {
	ID     string `json:"Id"`
	Health *health
	Cmd    []string
	Labels map[string]string
	Size   int64 `json:",omitempty"`
	Inner  struct{ Text string }
	List   []health
	Every  time.Duration
	Never  time.Duration
}

func TestShape(t *testing.T) {
	v, err := Decode([]byte(`{"Id":"x","Cmd":null,"List":[{}],"Every":5000000000}`))
	if err != nil {
		t.Fatal(err)
	}
	v = Shape(v, reflect.TypeFor[shaped]())
	for source, want := range map[string]string{
		`{{.ID}}`: "x", `{{.Cmd}}`: "[]", `{{.Labels}}`: "map[]", `{{.Size}}`: "0", `{{.Health}}`: "<nil>",
		`{{if .Health}}a{{else}}b{{end}}`: "b", `{{.Inner.Text}}`: "", `{{(index .List 0).Status}}`: "",
		`{{.Every}} {{.Never}} {{json .Every}} {{printf "%d" .Every}} {{gt .Every 3}}`: "5s 0s 5000000000 5000000000 true",
		`{{json .Cmd}} {{json .Labels}} {{len .Labels}} {{index .Labels "x"}}`:         "null null 0 ",
		`{{json .}}`: `{"Id":"x","Cmd":null,"List":[{}],"Every":5000000000}`,
	} {
		tmpl, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := tmpl.Execute(&out, v); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v, want %q", source, out.String(), err, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(`{{range $k, $v := .Ports}}{{$k}}{{end}}`, sample)
	f.Add(`{{json .}}{{len .List}}`, sample)
	f.Fuzz(func(t *testing.T, source, data string) {
		v, err := Decode([]byte(data))
		if err != nil {
			return
		}
		tmpl, err := Parse(source)
		if err != nil {
			return
		}
		var out limited
		_ = tmpl.Execute(&out, v)
	})
}

// limited stops a template that only wants to write for ever.
type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) {
	if l.n += len(p); l.n > 1<<20 {
		return 0, bytes.ErrTooLarge
	}
	return len(p), nil
}
