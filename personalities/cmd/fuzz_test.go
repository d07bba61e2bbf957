package cmd

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse: whatever is typed, a line is taken, or asks for help, or is misuse that has set nothing; and no word that
// is not a flag or a value is lost, added or moved.
func FuzzParse(f *testing.F) {
	for _, line := range []string{"-itd img", "img -d --name x", "-d -- -t x", "-dZx", "-dn", "--=x", "-é", "-dé", "-=",
		"--name\x00x", "-n=\xff", "-e", "-e =x", "a --help", "--", "- -", "--time=x", "--pass --pass=x"} {
		f.Add(line, true)
		f.Add(line, false)
	}
	f.Fuzz(func(t *testing.T, text string, first bool) {
		line := strings.Split(text, " ")
		got := target{Period: 7}
		p, err := Parse(got.usage(first), line)
		var exit *Exit
		switch {
		case errors.Is(err, ErrHelp), errors.As(err, &exit) && exit.Code == 125:
			if !reflect.DeepEqual(got, target{Period: 7}) {
				t.Errorf("%q: %v, and %+v is set", line, err, got)
			}
			return
		case err != nil:
			t.Fatalf("%q: %v", line, err)
		}
		rest := line
		for _, word := range p.Args {
			at := 0
			for at < len(rest) && rest[at] != word {
				at++
			}
			if at == len(rest) {
				t.Fatalf("%q: words %q", line, p.Args)
			}
			rest = rest[at+1:]
		}
		if first && len(p.Args) > 0 && !reflect.DeepEqual(p.Args, line[len(line)-len(p.Args):]) {
			t.Errorf("%q: %q is not all that follows", line, p.Args)
		}
	})
}
