package wire

import (
	"encoding/base64"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestPathStatHeader(t *testing.T) {
	for _, in := range []PathStat{
		{},
		{Name: "f", Size: 5, Mode: 0o640, Mtime: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
		{Name: "ä \n\"", Mode: os.ModeDir | 0o755},
		{Name: "l", Mode: os.ModeSymlink | 0o777, LinkTarget: "/a/b"},
		{Name: "s", Mode: os.ModeSetuid | os.ModeSticky | 0o755, Size: 1 << 60},
	} {
		value, err := EncodePathStat(in)
		if err != nil || strings.ContainsAny(value, "\r\n ") {
			t.Errorf("%+v: %q %v", in, value, err)
		}
		if out, err := DecodePathStat(value); err != nil || !out.Mtime.Equal(in.Mtime) || out.Name != in.Name ||
			out.Mode != in.Mode || out.Size != in.Size || out.LinkTarget != in.LinkTarget {
			t.Errorf("%+v became %+v, %v", in, out, err)
		}
	}
	// a year that JSON has no form for
	if _, err := EncodePathStat(PathStat{Name: "far", Mtime: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil ||
		!strings.Contains(err.Error(), "encode the state of far") {
		t.Errorf("the year 12000: %v", err)
	}
	for _, bad := range []string{"", "!", "e30", base64.StdEncoding.EncodeToString([]byte(`{"size":"x"}`)),
		base64.StdEncoding.EncodeToString([]byte(`{"mode":-1}`)), base64.StdEncoding.EncodeToString([]byte(`{`)),
		base64.StdEncoding.EncodeToString([]byte(`{"mtime":"yesterday"}`)), strings.Repeat("A", maxHeader+4)} {
		if s, err := DecodePathStat(bad); err == nil || !strings.HasPrefix(err.Error(), "header "+PathStatHeader+": ") ||
			len(err.Error()) > 300 {
			t.Errorf("%.20q: %+v %v", bad, s, err)
		}
	}
}

// Credentials of several registries, as a build sends them.
func TestAuthsHeader(t *testing.T) {
	in := map[string]Auth{"a:5000": {Username: "u", Password: "p/+?"}, "b": {IdentityToken: "t"},
		"c": {RegistryToken: "r"}}
	value, err := EncodeAuths(in)
	if err != nil || strings.ContainsAny(value, "+/") {
		t.Errorf("%q %v", value, err)
	}
	if out, err := DecodeAuths(value); err != nil || !reflect.DeepEqual(out, in) {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := DecodeAuths(""); err != nil || out != nil {
		t.Errorf("nothing: %v %v", out, err)
	}
	for _, text := range []string{`[]`, `{"a":5}`, `{"a":{"username":5}}`, `{`} {
		if out, err := DecodeAuths(base64.URLEncoding.EncodeToString([]byte(text))); err == nil ||
			strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v %v", text, out, err)
		}
	}
	for _, text := range []string{`[]`, `5`, `{"username":[]}`} {
		if out, err := DecodeAuth(base64.URLEncoding.EncodeToString([]byte(text))); err == nil || out != (Auth{}) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
	for _, text := range []string{`null`, `{}`, `{"unknown":1}`} {
		if out, err := DecodeAuth(base64.URLEncoding.EncodeToString([]byte(text))); err != nil || out != (Auth{}) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
}
