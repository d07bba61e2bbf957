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
	detach, tty, stdin bool
	init               *bool
	timeout            *int
	name               string
	entry              *string
	env                []string
	period             int64
	wait               time.Duration
}

func (t *target) usage(first bool) *Usage {
	return &Usage{Path: "docker run", Synopsis: "[OPTIONS] IMAGE", Max: -1, First: first, Flags: []Flag{
		{Value: &t.detach, Name: "detach", Short: "d"}, {Value: &t.tty, Name: "tty", Short: "t"}, {Value: &t.stdin, Name: "interactive", Short: "i"},
		{Value: &t.init, Name: "init"}, {Value: &t.timeout, Name: "timeout"}, {Value: &t.name, Name: "name", Short: "n", Help: "Name of it"},
		{Value: &t.entry, Name: "entrypoint"}, {Value: &t.env, Name: "env", Short: "e"}, {Value: &t.period, Name: "cpu-period"}, {Value: &t.wait, Name: "wait"},
	}}
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		name, line string
		first      bool
		want       func(*target) bool
		args       string
	}{
		{"long", "--name x --detach img", true, func(t *target) bool { return t.name == "x" && t.detach }, "img"},
		{"joined", "--name=x --detach=false --init=true img", true, func(t *target) bool { return t.name == "x" && !t.detach && *t.init }, "img"},
		{"cluster", "-itd img", true, func(t *target) bool { return t.stdin && t.tty && t.detach }, "img"},
		{"cluster with value", "-itnfoo img", true, func(t *target) bool { return t.stdin && t.tty && t.name == "foo" }, "img"},
		{"cluster, value next", "-itn foo img", true, func(t *target) bool { return t.name == "foo" }, "img"},
		{"short with =", "-n=foo -d=false img", true, func(t *target) bool { return t.name == "foo" && !t.detach }, "img"},
		{"commas stay", "-e a,b -e c img", true, func(t *target) bool { return slices.Equal(t.env, []string{"a,b", "c"}) }, "img"},
		{"flags end at the first word", "img -d --name x", true, func(t *target) bool { return !t.detach && t.name == "" }, "img -d --name x"},
		{"flags go on", "img -d --name x", false, func(t *target) bool { return t.detach && t.name == "x" }, "img"},
		{"--", "-d -- -t x", false, func(t *target) bool { return t.detach && !t.tty }, "-t x"},
		{"a lone dash is a word", "- -d", false, func(t *target) bool { return t.detach }, "-"},
		{"value like a flag", "--cpu-period -1 --name -x img", true, func(t *target) bool { return t.period == -1 && t.name == "-x" }, "img"},
		{"empty value", "--entrypoint= --name= img", true, func(t *target) bool { return t.entry != nil && *t.entry == "" }, "img"},
		{"not given", "img", true, func(t *target) bool { return t.init == nil && t.timeout == nil && t.entry == nil }, "img"},
		{"zero given", "--timeout 0 --wait 5s img", true, func(t *target) bool { return *t.timeout == 0 && t.wait == 5*time.Second }, "img"},
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
		{"--detach=zz", `invalid argument "zz" for "-d, --detach" flag: strconv.ParseBool: parsing "zz": invalid syntax` + hint},
		{"--cpu-period x", `invalid argument "x" for "--cpu-period" flag: strconv.ParseInt: parsing "x": invalid syntax` + hint},
		{"--detahc", "unknown flag: --detahc\n\nDid you mean --detach?" + hint},
	} {
		var got target
		_, err := Parse(got.usage(true), strings.Fields(row.line))
		var exit *Exit
		if !errors.As(err, &exit) || exit.Code != 125 || err.Error() != row.want {
			t.Errorf("%s: %v\nwant %s", row.line, err, row.want)
		}
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
	for _, line := range []string{"--help", "-h", "-dh", "--name x --help"} {
		var got target
		if _, err := Parse(got.usage(true), strings.Fields(line)); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v", line, err)
		}
	}
	var got target
	var out bytes.Buffer
	u := got.usage(true)
	u.Summary, u.Aliases = "Run it", []string{"docker container run", "docker run"}
	u.Help(&out)
	for _, want := range []string{"Usage:  docker run [OPTIONS] IMAGE\n\nRun it\n\nAliases:\n  docker container run, docker run\n\nOptions:\n",
		"  -d, --detach            ", "  -n, --name string         Name of it\n", "      --cpu-period int ", "  -e, --env list "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help lacks %q:\n%s", want, &out)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"run", "rm", "rmi", "ps", "images", "container", "network"}
	for word, want := range map[string]string{"conteiner": "container", "rnu": "run", "imagse": "images", "netwrok": "network", "pss": "ps",
		"xyzzy": "", "cont": "container", "q": "", "Images": "images"} {
		if got := Nearest(word, names); got != want {
			t.Errorf("nearest to %s: %q, want %q", word, got, want)
		}
	}
}
