package cmd

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

type target struct {
	Detach   bool          `short:"d"`
	TTY      bool          `short:"t"`
	Stdin    bool          `name:"interactive" short:"i"`
	Init     *bool         //
	Timeout  *int          `aliases:"time"`
	Name     string        `short:"n" help:"Name of it" group:"Names"`
	Entry    *string       `name:"entrypoint"`
	Env      []string      `short:"e" type:"variable"`
	Period   int64         `name:"cpu-period" default:"7"`
	Weight   uint16        //
	Share    float64       //
	Wait     time.Duration //
	Pass     string        `bare:"ask"`
	Tagged   tagged        `but:"x"`
	Old      bool          `hidden:""`
	Key      string        `keyonly:""`
	Hostname string        `short:"h"`
}

type plain struct {
	Detach bool     `short:"d" help:"To ${where}"`
	Name   string   `short:"n"`
	List   []string `short:"l" placeholder:"map" help:"Some ${where}"`
}

// tagged takes what its tag says.
type tagged string

func (t *tagged) SetTagged(text string, o *Option) error {
	if text != o.Tag.Get("but") {
		return errors.New("only " + o.Tag.Get("but"))
	}
	*t = tagged(text)
	return nil
}

func (t *target) usage(first bool) *Usage {
	return &Usage{Path: "docker run", Synopsis: "[OPTIONS] IMAGE", Max: -1, First: first, Options: t,
		Checks: map[string]func(string) error{
			"variable": func(text string) error {
				if text == "" || text[0] == '=' {
					return errors.New("no name")
				}
				return nil
			},
		}}
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		name, line string
		first      bool
		want       func(*target) bool
		args       string
	}{
		{"long", "--name x --detach img", true, func(t *target) bool { return t.Name == "x" && t.Detach }, "img"},
		{"joined", "--name=x --detach=false --init=true img", true,
			func(t *target) bool { return t.Name == "x" && !t.Detach && *t.Init }, "img"},
		{"cluster", "-itd img", true, func(t *target) bool { return t.Stdin && t.TTY && t.Detach }, "img"},
		{"cluster with value", "-itnfoo img", true, func(t *target) bool { return t.Stdin && t.TTY && t.Name == "foo" },
			"img"},
		{"cluster, value next", "-itn foo img", true, func(t *target) bool { return t.Name == "foo" }, "img"},
		{"short with =", "-n=foo -d=false img", true, func(t *target) bool { return t.Name == "foo" && !t.Detach }, "img"},
		{"commas stay", "-e a,b -e c img", true, func(t *target) bool { return slices.Equal(t.Env, []string{"a,b", "c"}) },
			"img"},
		{"flags end at the first word", "img -d --name x", true, func(t *target) bool { return !t.Detach && t.Name == "" },
			"img -d --name x"},
		{"flags go on", "img -d --name x", false, func(t *target) bool { return t.Detach && t.Name == "x" }, "img"},
		{"--", "-d -- -t x", false, func(t *target) bool { return t.Detach && !t.TTY }, "-t x"},
		{"a lone dash is a word", "- -d", false, func(t *target) bool { return t.Detach }, "-"},
		{"value like a flag", "--cpu-period -1 --name -x img", true,
			func(t *target) bool { return t.Period == -1 && t.Name == "-x" }, "img"},
		{"empty value", "--entrypoint= --name= img", true, func(t *target) bool { return t.Entry != nil && *t.Entry == "" },
			"img"},
		{"not given", "img", true, func(t *target) bool { return t.Init == nil && t.Timeout == nil && t.Entry == nil },
			"img"},
		{"zero given", "--timeout 0 --wait 5s img", true,
			func(t *target) bool { return *t.Timeout == 0 && t.Wait == 5*time.Second }, "img"},
		{"a value that no flag may be", "--name -- img", false, func(t *target) bool { return t.Name == "--" }, "img"},
		{"letter with =, lists too", "-e=A=1 -dn=x img", false,
			func(t *target) bool { return t.Env[0] == "A=1" && t.Detach && t.Name == "x" }, "img"},
		{"a letter's value is =", "-n= img", true, func(t *target) bool { return t.Name == "=" }, "img"},
		{"booleans of Go", "--detach=t --tty=F --init=0 img", true,
			func(t *target) bool { return t.Detach && !t.TTY && !*t.Init }, "img"},
		{"a boolean takes no word", "--detach false", false, func(t *target) bool { return t.Detach }, "false"},
		{"the last one counts", "--name a --name b --detach --detach=false img", true,
			func(t *target) bool { return t.Name == "b" && !t.Detach }, "img"},
		{"default", "img", true, func(t *target) bool { return t.Period == 7 }, "img"},
		{"zero in the place of a default", "--cpu-period 0 img", true, func(t *target) bool { return t.Period == 0 }, "img"},
		{"numbers of Go", "--cpu-period 0x10 --weight 0b11 --share .5 img", true,
			func(t *target) bool { return t.Period == 16 && t.Weight == 3 && t.Share == .5 }, "img"},
		{"another name", "--time 4 img", false, func(t *target) bool { return *t.Timeout == 4 }, "img"},
		{"a value that may be missing", "img --pass --name x", false,
			func(t *target) bool { return t.Pass == "ask" && t.Name == "x" }, "img"},
		{"and is joined", "--pass=file:x img", true, func(t *target) bool { return t.Pass == "file:x" }, "img"},
		{"and is no word", "--pass img", false, func(t *target) bool { return t.Pass == "ask" }, "img"},
		{"value by its tag", "--tagged x img", true, func(t *target) bool { return t.Tagged == "x" }, "img"},
		{"-h of its own", "-h here img", true, func(t *target) bool { return t.Hostname == "here" }, "img"},
		{"hidden", "--old img", true, func(t *target) bool { return t.Old }, "img"},
		{"flags among words", "a -d b -n x c", false, func(t *target) bool { return t.Detach && t.Name == "x" }, "a b c"},
		{"-- after words", "a -d -- -b --", false, func(t *target) bool { return t.Detach }, "a -b --"},
		{"-- of the program", "-d img -- x", true, func(t *target) bool { return t.Detach }, "img -- x"},
		{"-- before the program", "-d -- -- x", true, func(t *target) bool { return t.Detach }, "-- x"},
		{"bytes of any kind", "--name \xff\xfe<&> \xff", true, func(t *target) bool { return t.Name == "\xff\xfe<&>" },
			"\xff"},
		{"backslashes and quotes", `-e a\,b"c' \x`, false, func(t *target) bool { return t.Env[0] == `a\,b"c'` }, `\x`},
		{"no variable of kong's", "--name ${where} img", true, func(t *target) bool { return t.Name == "${where}" }, "img"},
	} {
		var got target
		p, err := Parse(got.usage(row.first), strings.Fields(row.line))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if !row.want(&got) || strings.Join(p.Args, " ") != row.args {
			t.Errorf("%s: %+v, words %q", row.name, got, p.Args)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const hint = "\n\nUsage:  docker run [OPTIONS] IMAGE\n\nRun 'docker run --help' for more information"
	for _, row := range []struct{ line, want string }{
		{"--foo", "unknown flag: --foo" + hint},
		{"-dZx", "unknown shorthand flag: 'Z' in -Zx" + hint},
		{"--name", "flag needs an argument: --name" + hint},
		{"-dn", "flag needs an argument: 'n' in -n" + hint},
		{"--=x", "bad flag syntax: --=x" + hint},
		{"--detach=zz", `invalid argument "zz" for "-d, --detach" flag: strconv.ParseBool: parsing "zz": invalid syntax` +
			hint},
		{"--cpu-period x", `invalid argument "x" for "--cpu-period" flag: strconv.ParseInt: parsing "x": invalid syntax` +
			hint},
		{"--detahc", "unknown flag: --detahc\n\nDid you mean --detach?" + hint},
		{"--foo=x", "unknown flag: --foo" + hint},
		{"---x", "bad flag syntax: ---x" + hint},
		{"-d-x", "unknown shorthand flag: '-' in --x" + hint},
		{"-d=", "unknown shorthand flag: '=' in -=" + hint},
		{"-n", "flag needs an argument: 'n' in -n" + hint},
		{"--cpu-period", "flag needs an argument: --cpu-period" + hint},
		{"-dn x -e", "flag needs an argument: 'e' in -e" + hint},
		{"-e =x", `invalid argument "=x" for "-e, --env" flag: no name` + hint},
		{"--time x", `invalid argument "x" for "--time" flag: strconv.ParseInt: parsing "x": invalid syntax` + hint},
		{"--weight 65536", `invalid argument "65536" for "--weight" flag: strconv.ParseUint: parsing "65536": value out of range` + hint},
		{"--share x", `invalid argument "x" for "--share" flag: strconv.ParseFloat: parsing "x": invalid syntax` + hint},
		{"--wait 5", `invalid argument "5" for "--wait" flag: time: missing unit in duration "5"` + hint},
		{"--tagged y", `invalid argument "y" for "--tagged" flag: only x` + hint},
		{"-d --key x", "unknown flag: --key" + hint},
		{"--words x", "unknown flag: --words" + hint},
		{"--detach=x --foo", `invalid argument "x" for "-d, --detach" flag: strconv.ParseBool: parsing "x": invalid syntax` +
			hint},
	} {
		for _, first := range []bool{true, false} {
			var got target
			_, err := Parse(got.usage(first), strings.Fields(row.line))
			var exit *Exit
			if !errors.As(err, &exit) || exit.Code != 125 || err.Error() != row.want {
				t.Errorf("%s: %v\nwant %s", row.line, err, row.want)
			}
			if got.Detach || got.Name != "" {
				t.Errorf("%s: a line that is refused has set %+v", row.line, got)
			}
		}
	}
}

// TestParseAfterWords: what is wrong is said although words stand before it and after it.
func TestParseAfterWords(t *testing.T) {
	for line, want := range map[string]string{"a --name": "flag needs an argument: --name",
		"a b -dn":   "flag needs an argument: 'n' in -n",
		"a --foo b": "unknown flag: --foo", "a -dZ b": "unknown shorthand flag: 'Z' in -Z",
		"a --wait x b": `invalid argument "x" for "--wait" flag`} {
		var got target
		if _, err := Parse(got.usage(false), strings.Fields(line)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestParseWithoutFlags: a command that has none still knows --help, -h and what is no flag of it.
func TestParseWithoutFlags(t *testing.T) {
	u := func() *Usage { return &Usage{Path: "docker pause", Max: -1} }
	if p, err := Parse(u(), []string{"a", "b"}); err != nil || !slices.Equal(p.Args, []string{"a", "b"}) {
		t.Error(p, err)
	}
	for _, line := range []string{"-h", "a --help"} {
		if _, err := Parse(u(), strings.Fields(line)); err != ErrHelp {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := Parse(u(), []string{"a", "-x"}); err == nil ||
		!strings.HasPrefix(err.Error(), "unknown shorthand flag: 'x' in -x\n") {
		t.Error(err)
	}
}

func TestSet(t *testing.T) {
	var got target
	p, err := Parse(got.usage(true), []string{"--time", "0", "-d", "img", "--name", "x"})
	if err != nil || !p.Set("timeout") || !p.Set("detach") || p.Set("name") || p.Set("cpu-period") {
		t.Error(p, err)
	}
}

func TestParseCount(t *testing.T) {
	for _, row := range []struct {
		min, max int
		args     []string
		want     string
	}{
		{0, 0, []string{"x"}, "docker: 'docker x' accepts no arguments"},
		{1, -1, nil, "docker: 'docker x' requires at least 1 argument"},
		{2, 2, []string{"x"}, "docker: 'docker x' requires 2 arguments"},
		{0, 1, []string{"x", "y"}, "docker: 'docker x' requires at most 1 argument"},
		{1, 2, nil, "docker: 'docker x' requires at least 1 and at most 2 arguments"},
	} {
		_, err := Parse(&Usage{Path: "docker x", Min: row.min, Max: row.max}, row.args)
		var exit *Exit
		if !errors.As(err, &exit) || exit.Code != 1 || !strings.HasPrefix(err.Error(), row.want+"\n") {
			t.Errorf("%d..%d of %q: %v", row.min, row.max, row.args, err)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, line := range []string{"--help", "-h", "-dh", "--name x --help", "--help --foo", "--help=no"} {
		var got plain
		if _, err := Parse(&Usage{Path: "docker x", Max: -1, Options: &got, Vars: map[string]string{"where": "x"}},
			strings.Fields(line)); err != ErrHelp {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := Parse(new(target).usage(true), []string{"-dh"}); err == ErrHelp {
		t.Error("-h of the command's own is help")
	}
	var out bytes.Buffer
	u := &Usage{Path: "docker run", Synopsis: "[OPTIONS] IMAGE", Summary: "Run it",
		Aliases: []string{"docker container run", "docker run"},
		Options: &plain{Name: "n"}, Vars: map[string]string{"where": "there"}}
	u.Help(&out)
	if want := `Usage:  docker run [OPTIONS] IMAGE

Run it

Aliases:
  docker container run, docker run

Options:
  -d, --detach        To there
  -n, --name string    (default "n")
  -l, --list map      Some there
`; out.String() != want {
		t.Errorf("help is\n%s\nwant\n%s", &out, want)
	}
}

// TestHelpGroups: headings are those of the fields' tags, and what is hidden or only a key is nowhere.
func TestHelpGroups(t *testing.T) {
	type grouped struct {
		A bool     `group:"First" help:"a"`
		Z int      `group:"Second" default:"3" help:"z"`
		B []string `group:"Second" hidden:""`
		C string   `group:"Second" keyonly:""`
		D *bool    `group:"Second" short:"d"`
		E float64  `group:"Second"`
		F uint64   `group:"Second" short:"f"`
	}
	var out bytes.Buffer
	u := &Usage{Path: "x", Options: &grouped{}}
	u.Help(&out)
	if want := "Usage:  x\n\nFirst:\n      --a         a\n\nSecond:\n      --z int     z (default 3)\n  -d, --d         " +
		"\n      --e float   \n  -f, --f uint    \n"; out.String() != want {
		t.Errorf("help is\n%q\nwant\n%q", out.String(), want)
	}
	if want := []string{"--a", "a", "--z int", "z (default 3)", "-d, --d", "", "--e float", "", "-f, --f uint",
		""}; !slices.Equal(u.Described(), want) {
		t.Errorf("%q", u.Described())
	}
}

func TestNearest(t *testing.T) {
	names := []string{"run", "rm", "rmi", "ps", "images", "container", "network"}
	for word, want := range map[string]string{"conteiner": "container", "rnu": "run", "imagse": "images",
		"netwrok": "network", "pss": "ps",
		"xyzzy": "", "cont": "container", "q": "", "Images": "images"} {
		if got := Nearest(word, names); got != want {
			t.Errorf("nearest to %s: %q, want %q", word, got, want)
		}
	}
}
