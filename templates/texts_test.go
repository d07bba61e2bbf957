package templates

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
)

// TestTexts: what Go's types make of an address or a port is what JSON has for it.
func TestTexts(t *testing.T) {
	type inner struct{ Gateway netip.Addr }
	type sample struct {
		Address netip.Addr `json:"address"`
		inner
		Mac   network.HardwareAddr
		Ports network.PortMap
		Nets  map[string]*inner
		List  []netip.Prefix
		At    time.Time
		Same  *container.Health
		Swap  inner
		_     int
	}
	if of := Texts(reflect.TypeFor[sample](), nil); of != reflect.TypeFor[sample]() {
		t.Errorf("a type with hidden fields was taken apart: %s", of)
	}
	type open struct {
		Address netip.Addr `json:"address"`
		Mac     network.HardwareAddr
		Ports   network.PortMap
		Nets    map[string]*inner
		List    []netip.Prefix
		At      time.Time
		Same    *container.Health
		Swap    inner
	}
	type other struct{ Gateway int }
	shape := Texts(reflect.TypeFor[open](),
		map[reflect.Type]reflect.Type{reflect.TypeFor[container.Health](): reflect.TypeFor[other]()})
	v := reflect.New(shape).Interface()
	const raw = `{"address":"","Mac":"02:42:ac:12:00:02","Ports":{"80/tcp":[{"HostIp":"","HostPort":"1"}]},` +
		`"Nets":{"n":{"Gateway":"10.0.0.1"},"m":{"Gateway":""}},"List":["10.0.0.0/8"],"At":"2009-01-02T03:04:05Z",` +
		`"Same":{"Gateway":7},"Swap":{"Gateway":"::1"}}`
	if err := json.Unmarshal([]byte(raw), v); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`[{{.Address}}]`: "[]", `{{.Mac}}`: "02:42:ac:12:00:02", `{{(index (index .Ports "80/tcp") 0).HostPort}}`: "1",
		`{{range $p, $to := .Ports}}{{$p}}>{{range $to}}[{{.HostIP}}]{{end}}{{end}}`: "80/tcp>[]",
		`{{.Nets.n.Gateway}}[{{.Nets.m.Gateway}}]`:                                   "10.0.0.1[]",
		`{{.List}}`:    "[10.0.0.0/8]",
		`{{.At.Year}}`: "2009", `{{.Same.Gateway}}`: "7", `{{.Swap.Gateway}}`: "::1",
	} {
		parsed, err := Parse("t", text)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := parsed.Execute(&b, v); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", text, b.String(), err, want)
		}
	}
	if again, err := json.Marshal(v); err != nil || string(again) != strings.Replace(strings.Replace(raw,
		`"Nets":{"n":{"Gateway":"10.0.0.1"},"m":{"Gateway":""}}`, `"Nets":{"m":{"Gateway":""},"n":{"Gateway":"10.0.0.1"}}`,
		1), " ", "", -1) {
		t.Errorf("%s, %v", again, err)
	}
}

// TestTextsOfReplies: no reply of the API that a template reads has an address left in it.
func TestTextsOfReplies(t *testing.T) {
	for _, of := range []reflect.Type{reflect.TypeFor[container.InspectResponse](),
		reflect.TypeFor[image.InspectResponse](),
		reflect.TypeFor[network.Inspect]()} {
		findAddress(t, of.String(), Texts(of, nil), 0)
	}
}

func findAddress(t *testing.T, path string, of reflect.Type, depth int) {
	switch {
	case strings.HasPrefix(of.PkgPath(), "net"):
		t.Errorf("%s is a %s", path, of)
	case depth > 12:
	case of.Kind() == reflect.Map:
		findAddress(t, path+"{}", of.Key(), depth+1)
		findAddress(t, path+"{}", of.Elem(), depth+1)
	case of.Kind() == reflect.Slice, of.Kind() == reflect.Pointer:
		findAddress(t, path, of.Elem(), depth+1)
	case of.Kind() == reflect.Struct:
		for i := range of.NumField() {
			findAddress(t, path+"."+of.Field(i).Name, of.Field(i).Type, depth+1)
		}
	}
}
