package cmd

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// grammar is what kong parses: the flags of a command, --help, and the arguments.
type grammar struct {
	Options   any       `embed:""`
	Help      helpAsked `name:"help" hidden:""`
	Arguments arguments `arg:"" optional:"" passthrough:"partial"`
}

// model is kong's model of a command, with Docker's rules for its flags.
type model struct {
	grammar grammar
	kong    *kong.Kong
	fields  []*Option // as declared
	options []*Option // those that are flags
	long    map[string]*Option
	short   map[string]*Option
}

// model builds the model on first use. It panics on a struct that kong does not accept, which is a bug in this program
// that the test of all pages finds.
func (u *Usage) model() *model {
	if u.built != nil {
		return u.built
	}
	m := &model{grammar: grammar{Options: u.Options}, long: map[string]*Option{}, short: map[string]*Option{}}
	k, err := kong.New(&m.grammar, kong.NoDefaultHelp(), kong.WithHyphenPrefixedParameters(true), kong.Vars(u.Vars))
	if err != nil {
		panic(fmt.Errorf("command line of %s: %w", u.Path, err))
	}
	m.kong, u.built = k, m
	var typed []*kong.Flag
	for _, f := range k.Model.Flags {
		o := u.optionOf(f)
		if o.Name != "help" {
			m.fields = append(m.fields, o)
		}
		if !f.Tag.Has("keyonly") {
			typed = append(typed, f)
			m.add(o)
		}
	}
	k.Model.Flags = typed
	if help := m.long["help"]; m.short["h"] == nil {
		help.Flag.Short = 'h'
		m.short["h"] = help
	}
	return m
}

func (m *model) add(o *Option) {
	if err := o.ApplyDefault(); err != nil {
		panic(fmt.Errorf("default of %s: %w", o, err))
	}
	m.long[o.Name] = o
	for _, name := range o.Aliases {
		m.long[name] = o
	}
	if o.Short != 0 {
		m.short[string(o.Short)] = o
	}
	if o.Name != "help" {
		m.options = append(m.options, o)
	}
}

// ordered moves arguments behind the flags, since kong accepts no flag after an argument. At a wrong flag it stops, so
// that kong comes to that flag first and reports it.
func (m *model) ordered(args []string) []string {
	var flags, words []string
	for i := 0; i < len(args); {
		arg := args[i]
		if arg == "--" {
			words = append(words, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			words = append(words, arg)
			i++
			continue
		}
		n := m.takes(arg)
		if n == 0 || i+n > len(args) {
			return append(flags, args[i:]...)
		}
		flags = append(flags, args[i:i+n]...)
		i += n
	}
	return append(append(flags, "--"), words...)
}

// takes returns how many words a flag and its value are, 0 for an unknown flag.
func (m *model) takes(arg string) int {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, joined := strings.Cut(long, "=")
		switch o := m.long[name]; {
		case o == nil:
			return 0
		case o.needsOne && !joined:
			return 2
		}
		return 1
	}
	for letters := arg[1:]; letters != ""; letters = letters[1:] {
		switch o := m.short[letters[:1]]; {
		case o == nil:
			return 0
		case o.needsOne && len(letters) == 1:
			return 2
		case o.needsOne || len(letters) > 2 && letters[1] == '=':
			return 1
		}
	}
	return 1
}
