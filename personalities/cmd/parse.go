package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Usage is how one command is typed: the words and flags that Parse accepts and that help prints.
type Usage struct {
	Path     string // the words that name it: "docker run"
	Synopsis string // what follows them: "[OPTIONS] IMAGE [COMMAND] [ARG...]"
	Summary  string
	Detail   string   // a paragraph or more under the summary
	Aliases  []string // every way to type it, when there are several
	Examples []Line   // commands, for the manual
	Files    []Line   // what it reads and writes, for the manual
	Min, Max int      // how many words may follow the flags; Max < 0: any number
	First    bool     // flags end at the first word: what follows belongs to somebody else's program

	// Options points to a struct whose fields are the flags, declared by kong's tags and those of this package:
	// `bare` is what a flag means without a value, `keyonly` makes a field no flag. nil: there are none.
	Options any
	Checks  map[string]func(text string) error // of values of flags whose tag `type` has the word
	Vars    map[string]string                  // what ${NAME} in tags stands for
	Sorted  bool                               // help has the flags in the order of their names, not of the fields

	built *model
}

// Line is something that is typed or read, and what it is for.
type Line struct{ Text, Why string }

// ErrHelp is returned when help was asked for; no field has been touched.
var ErrHelp = errors.New("help requested")

// Parsed is the outcome of Parse.
type Parsed struct {
	Args []string // the words that are not flags
	set  map[string]bool
}

// Set says whether the flag was used, by its long name.
func (p *Parsed) Set(name string) bool { return p.set[name] }

// Any says whether any flag was used.
func (p *Parsed) Any() bool { return len(p.set) > 0 }

// Takes is how many words a flag is with its value: 2 where that is the next word, 0 for a flag that is not known.
func (u *Usage) Takes(word string) int { return u.model().takes(word) }

// Parse fills the fields of u.Flags from args, by the rules Docker's users know: --name value and
// --name=value, -n value, -nvalue and -n=value, several one-letter flags in one word, "--" ends flags.
// Misuse is an *Exit with code 125 for flags, which leaves all fields alone, and 1 for a wrong number of words.
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
	p := &Parsed{Args: m.grammar.Words, set: map[string]bool{}}
	for _, path := range ctx.Path {
		if path.Flag != nil {
			p.set[path.Flag.Name] = true
		}
	}
	if len(p.Args) > 0 && p.Args[0] == "--" { // which ended the flags
		p.Args = p.Args[1:]
	}
	return p, u.checkCount(p.Args)
}

// fault is what is wrong with a line, in Docker's words. kong's error for an unknown flag is a text alone, so where
// kong stopped tells which flag that is.
func (m *model) fault(ctx *kong.Context, line []string) error {
	rest := ctx.Path[len(ctx.Path)-1].Remainder()
	word := line[len(line)-len(rest)]
	long, isLong := strings.CutPrefix(word, "--")
	name, _, _ := strings.Cut(long, "=")
	letters := strings.TrimPrefix(word, "-")
	if rest[0] != word { // some letters of the word are read already
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

// misuse is a flag error as Docker prints it, with the way to help.
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

// checkCount refuses too few or too many words, in Docker's sentences.
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
