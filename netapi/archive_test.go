package netapi

import "testing"

func TestAcceptedEncoding(t *testing.T) {
	for _, row := range []struct{ header, want string }{
		{"", ""}, {"identity", ""}, {"gzip", "gzip"}, {"deflate", "deflate"}, {"br, gzip;q=0.5", "gzip"}, {"gzip;q=0", ""},
		{"gzip;q=0.2, deflate;q=0.8", "deflate"}, {"*", "gzip"}, {"GZIP ; q=1", "gzip"}, {"gzip;q=x", ""}, {",,;", ""},
	} {
		if got := acceptedEncoding([]string{row.header}); got != row.want {
			t.Errorf("%q: %q, want %q", row.header, got, row.want)
		}
	}
}
