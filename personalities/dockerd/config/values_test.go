package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
)

// The values with a syntax of their own: what each text is, and what is refused.
func TestValues(t *testing.T) {
	for _, row := range []struct {
		kind func() encoding.TextUnmarshaler
		text string
		want string // %v of the value; empty: an error
		says string
	}{
		{func() encoding.TextUnmarshaler { return new(inverse) }, "true", "false", ""},
		{func() encoding.TextUnmarshaler { return new(inverse) }, "0", "true", ""},
		{func() encoding.TextUnmarshaler { return new(inverse) }, "maybe", "", `parsing "maybe"`},
		{func() encoding.TextUnmarshaler { return new(size) }, "64m", "67108864", ""},
		{func() encoding.TextUnmarshaler { return new(size) }, "1.5k", "1536", ""},
		{func() encoding.TextUnmarshaler { return new(size) }, "1", "1", ""},
		{func() encoding.TextUnmarshaler { return new(size) }, "0", "", "invalid size: '0'"},
		{func() encoding.TextUnmarshaler { return new(size) }, "-1", "", "invalid size: '-1'"},
		{func() encoding.TextUnmarshaler { return new(size) }, "big", "", "invalid size: 'big'"},
		{func() encoding.TextUnmarshaler { return new(size) }, "", "", "invalid size"},
	} {
		v := row.kind()
		err := v.UnmarshalText([]byte(row.text))
		got := fmt.Sprint(reflect.ValueOf(v).Elem().Interface())
		if (err == nil) != (row.says == "") || err == nil && got != row.want ||
			err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%T %q: %s %v", v, row.text, got, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "::1": "", "x": "",
		"": "", "10.0.0.0/8": "", "10.0.0": "", "010.0.0.1": "", "10.0.0.1 ": ""} {
		var a address
		err := a.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && netip.Addr(a).String() != want {
			t.Errorf("address %q: %v %v", text, netip.Addr(a), err)
		}
	}
	for text, want := range map[string]string{"10.0.0.1/8": "10.0.0.1/8", "10.0.0.0/33": "", "fd00::/8": "",
		"10.0.0.1": "",
		"x/8":      "", "10.0.0.0/08": "", "10.0.0.0/-1": ""} {
		var n cidr
		err := n.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && netip.Prefix(n).String() != want {
			t.Errorf("network %q: %v %v", text, netip.Prefix(n), err)
		}
	}
	var all addresses
	for _, text := range []string{"1.1.1.1", " ::1 ", "1.1.1.1"} {
		if err := all.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	if err := all.UnmarshalText([]byte("dns.example")); err == nil || len(all) != 3 {
		t.Errorf("%v %v", all, err)
	}
}

func TestPools(t *testing.T) {
	for _, row := range []struct{ text, want, says string }{
		{"base=10.0.0.0/8,size=24", "10.0.0.0/8 24", ""},
		{"size=24,base=10.0.0.0/8", "10.0.0.0/8 24", ""},
		{"base=10.1.2.3/8,size=8", "10.0.0.0/8 8", ""},
		{"base=10.0.0.0/30,size=30", "10.0.0.0/30 30", ""},
		{"base=10.0.0.0/8,size=31", "", "invalid pools size 31"},
		{"base=10.0.0.0/8,size=7", "", "invalid pools size 7"},
		{"base=10.0.0.0/8,size=", "", `invalid size value: ""`},
		{"base=10.0.0.0/8", "", `invalid size value: ""`},
		{"base=10.0.0.0/8,size=x", "", `invalid size value: "x"`},
		{"size=24", "", `invalid base pool ""`},
		{"base=10.0.0.0,size=24", "", `invalid base pool "10.0.0.0"`},
		{"base=fd00::/8,size=24", "fd00::/8 24", ""},
		{"base=fd00::/8,size=127", "", "invalid pools size 127"},
		{"base=10.0.0.0/8,size=24,more=1", "", "unexpected key 'more' in 'more=1'"},
		{"10.0.0.0/8", "", "invalid field '10.0.0.0/8' must be a key=value pair"},
		{"", "", "invalid field ''"},
	} {
		var p pools
		err := p.UnmarshalText([]byte(row.text))
		switch {
		case row.says != "":
			if err == nil || !strings.Contains(err.Error(), row.says) || len(p) != 0 {
				t.Errorf("%q: %v %v", row.text, p, err)
			}
		case err != nil || len(p) != 1 || fmt.Sprint(p[0].Base, p[0].Size) != row.want:
			t.Errorf("%q: %v %v", row.text, p, err)
		}
	}
}

func TestLabelsAndUlimits(t *testing.T) {
	var l labels
	for _, text := range []string{"a=b", "a=b", "c=", "d=x=y"} {
		if err := l.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a", "=b"} {
		if err := l.UnmarshalText([]byte(bad)); err == nil || err.Error() != "bad attribute format: "+bad {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if !slices.Equal(l, labels{"a=b", "c=", "d=x=y"}) || l.conflict() != nil {
		t.Errorf("%q %v", l, l.conflict())
	}
	if err := append(l, "c=5").conflict(); err == nil || err.Error() != "conflict labels for c=5 and c=" {
		t.Errorf("%v", err)
	}
	var u ulimits
	for _, text := range []string{"nofile=1:2", "core=0", "nofile=3"} {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	var got []string
	for _, one := range []*container.Ulimit(u) {
		got = append(got, one.String())
	}
	if !slices.Equal(got, []string{"core=0:0", "nofile=3:3"}) {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", "nofile", "nofile=", "nofile=x", "nofile=2:1", "color=1", "nofile=1:2:3"} {
		if err := u.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// What a reload changes, and that it changes nothing else: every other option keeps the value of the start.
func TestReload(t *testing.T) {
	changes := []string{"Debug", "Labels", "LiveRestore", "ShutdownTimeout", "registryOptions", "DefaultShmSize",
		"DefaultIPCMode", "DefaultCgroupnsMode", "DefaultRuntime", "AuthorizationPlugins", "AuthorizationPolicy"}
	running, file := &Options{}, &Options{}
	fill(reflect.ValueOf(file).Elem())
	running.Reload(file)
	var got []string
	changed(reflect.ValueOf(running).Elem(), "", &got)
	for _, name := range got {
		root, _, _ := strings.Cut(name, ".")
		if !slices.Contains(changes, name) && root != "registryOptions" && !slices.Contains(changes, last(name)) {
			t.Errorf("a reload changes %s", name)
		}
	}
	for _, name := range changes {
		if !slices.ContainsFunc(got, func(g string) bool {
			return g == name || last(g) == name || strings.HasPrefix(g, name+".") || strings.Contains(g, "."+name+".")
		}) {
			t.Errorf("a reload does not change %s", name)
		}
	}
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// fill sets every exported field to something.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct {
			fill(f)
			continue
		}
		if !f.CanSet() {
			continue
		}
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.String:
			f.SetString("new")
		case reflect.Int, reflect.Int64:
			f.SetInt(5)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}

// changed lists the fields that are not zero.
func changed(v reflect.Value, prefix string, out *[]string) {
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+v.Type().Field(i).Name
		switch {
		case v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct:
			changed(f, name+".", out)
		case !f.IsZero():
			*out = append(*out, name)
		}
	}
}
