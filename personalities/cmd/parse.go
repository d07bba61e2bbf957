package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Usage describes the command line of one command, for Parse and for help.
type Usage struct {
	Path     string // the name of the command: "docker run"
	Synopsis string // what follows: "[OPTIONS] IMAGE [COMMAND] [ARG...]"
	Summary  string
	Detail   string   // text under the summary
	Aliases  []string // all names of the command, if it has several
	Examples []Line   // example commands, for the manual
	Files    []Line   // files that it reads and writes, for the manual
	Min, Max int      // number of arguments; Max < 0: any number
	First    bool     // flags end at the first argument; the rest belongs to another program

	// Options points to a struct whose fields are the flags (see the package's comment for their tags), or is nil.
	Options any
	Checks  map[string]func(text string) error // checks of values, by the name in the tag `type`
	Vars    map[string]string                  // values of ${NAME} in tags
	Sorted  bool                               // help sorts flags by name instead of by field

	built *model
}

// Line is a text of the manual, such as a command or a file, and its explanation.
type Line struct{ Text, Why string }

// ErrHelp is returned if help was asked for. No field has been set then.
var ErrHelp = errors.New("help requested")

// Parsed is the result of Parse.
type Parsed struct {
	Args []string // the arguments that are not flags
	set  map[string]bool
}

// Set tells whether the flag with this long name was given.
func (p *Parsed) Set(name string) bool { return p.set[name] }

// Any tells whether any flag was given.
func (p *Parsed) Any() bool { return len(p.set) > 0 }

// Takes returns how many words a flag and its value are: 2 if the value is the next word, 0 for an unknown flag.
func (u *Usage) Takes(word string) int { return u.model().takes(word) }

// Parse sets the fields of u.Options from args by Docker's rules: --name value, --name=value, -n value, -nvalue,
// -n=value; short flags may be combined; "--" ends the flags. The error is an *Exit: with code 125 for a wrong flag, in
// which case no field is set, or with code 1 for a wrong number of arguments.
func Parse(u *Usage, args []string) (*Parsed, error) {
	m := u.model()
	line := args
	if !u.First {
		line = m.ordered(args)
	}
	ctx, err := kong.Trace(m.kong, line)
	if err != nil {
		return nil, err
	}
	if errors.Is(ctx.Error, ErrHelp) {
		return nil, ErrHelp
	}
	if ctx.Error != nil {
		return nil, u.misuse(125, m.fault(ctx, line))
	}
	if _, err := ctx.Apply(); err != nil {
		return nil, err
	}
	p := &Parsed{Args: m.grammar.Arguments, set: map[string]bool{}}
	for _, path := range ctx.Path {
		if path.Flag != nil {
			p.set[path.Flag.Name] = true
		}
	}
	if len(p.Args) > 0 && p.Args[0] == "--" { // kong leaves the "--" in
		p.Args = p.Args[1:]
	}
	return p, u.checkCount(p.Args)
}

// fault describes a wrong command line as Docker does. kong's error for an unknown flag is only a text, so the place
// where kong stopped tells which flag it was.
func (m *model) fault(ctx *kong.Context, line []string) error {
	rest := ctx.Path[len(ctx.Path)-1].Remainder()
	word := line[len(line)-len(rest)]
	long, isLong := strings.CutPrefix(word, "--")
	name, _, _ := strings.Cut(long, "=")
	letters := strings.TrimPrefix(word, "-")
	if rest[0] != word { // kong stopped inside a group of short flags
		letters = rest[0]
	}
	var value *invalid
	switch {
	case errors.As(ctx.Error, &value):
		flag := value.option.String()
		if isLong && name != value.option.Name {
			flag = "--" + name
		}
		return fmt.Errorf("invalid argument %q for %q flag: %w", value.text, flag, value.err)
	case errors.Is(ctx.Error, errNoValue) && isLong:
		return fmt.Errorf("flag needs an argument: --%s", name)
	case errors.Is(ctx.Error, errNoValue):
		return fmt.Errorf("flag needs an argument: '%s' in -%s", letters[:1], letters)
	case isLong && (name == "" || name[0] == '-'):
		return fmt.Errorf("bad flag syntax: %s", word)
	case isLong:
		return fmt.Errorf("unknown flag: --%s", name)
	}
	return fmt.Errorf("unknown shorthand flag: '%s' in -%s", letters[:1], letters)
}

// misuse returns the error for a wrong flag as Docker prints it, with a suggestion and the way to help.
func (u *Usage) misuse(code int, err error) error {
	hint := ""
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		if near := Nearest(name, u.Names()); near != "" {
			hint = fmt.Sprintf("\nDid you mean --%s?\n", near)
		}
	}
	return &Exit{Code: code, Err: fmt.Errorf("%w\n%s\nUsage:  %s\n\nRun '%s --help' for more information",
		err, hint, strings.TrimSpace(u.Path+" "+u.Synopsis), u.Path)}
}

// checkCount reports too few or too many arguments in Docker's words.
func (u *Usage) checkCount(args []string) error {
	n := len(args)
	if n >= u.Min && (u.Max < 0 || n <= u.Max) {
		return nil
	}
	want, verb := "", "Run"
	switch {
	case u.Max == 0:
		want = "accepts no arguments"
	case u.Min == u.Max:
		want = "requires " + count(u.Min)
	case u.Max < 0:
		want, verb = "requires at least "+count(u.Min), "See"
	case u.Min == 0:
		want = "requires at most " + count(u.Max)
	default:
		want = fmt.Sprintf("requires at least %d and at most %s", u.Min, count(u.Max))
	}
	program, _, _ := strings.Cut(u.Path, " ")
	return &Exit{Code: 1, Err: fmt.Errorf("%s: '%s' %s\n\nUsage:  %s\n\n%s '%s --help' for more information",
		program, u.Path, want, strings.TrimSpace(u.Path+" "+u.Synopsis), verb, u.Path)}
}

func count(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}
