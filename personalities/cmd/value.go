package cmd

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Tagged is a value whose accepted texts depend on the tags of its field.
type Tagged interface {
	SetTagged(text string, o *Option) error
}

// errNoValue reports that the value of the last flag is missing.
var errNoValue = errors.New("flag needs an argument")

// invalid reports a value that a flag does not accept.
type invalid struct {
	text   string
	option *Option
	err    error
}

func (i *invalid) Error() string { return i.err.Error() }
func (i *invalid) Unwrap() error { return i.err }

// Decode implements kong's mapper: it takes the flag's value from the command line and stores it. It is used in place
// of kong's own mappers for the reasons in the package's comment.
func (o *Option) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	next, text := ctx.Scan.Peek(), o.bare
	tail := ""
	if next.Type == kong.ShortFlagTailToken {
		tail = next.String()
	}
	switch {
	case len(tail) > 1 && tail[0] == '=':
		text = tail[1:]
		ctx.Scan.Pop()
	case next.Type == kong.FlagValueToken, o.needsOne && !next.IsEOL():
		text = ctx.Scan.Pop().Value.(string)
	case o.needsOne:
		return errNoValue
	}
	if err := o.assign(target, text); err != nil {
		return &invalid{text, o, err}
	}
	return nil
}

// Set stores a value as if it was given with the flag.
func (o *Option) Set(text string) error { return o.assign(o.Target, text) }

func (o *Option) assign(target reflect.Value, text string) (err error) {
	if o.check != nil {
		if err := o.check(text); err != nil {
			return err
		}
	}
	switch p := target.Addr().Interface().(type) {
	case Tagged:
		return p.SetTagged(text, o)
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	case *[]string:
		*p = append(*p, text)
		return nil
	case *time.Duration:
		*p, err = time.ParseDuration(text)
		return err
	}
	return scalar(target, text)
}

// scalar parses a value in Go's syntax; Docker's messages contain Go's errors.
func scalar(target reflect.Value, text string) error {
	bits := func() int { return target.Type().Bits() }
	switch kind := target.Kind(); {
	case kind == reflect.Pointer:
		v := reflect.New(target.Type().Elem())
		if err := scalar(v.Elem(), text); err != nil {
			return err
		}
		target.Set(v)
	case kind == reflect.String:
		target.SetString(text)
	case kind == reflect.Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		target.SetBool(v)
	case target.CanInt():
		v, err := strconv.ParseInt(text, 0, bits())
		if err != nil {
			return err
		}
		target.SetInt(v)
	case target.CanUint():
		v, err := strconv.ParseUint(text, 0, bits())
		if err != nil {
			return err
		}
		target.SetUint(v)
	case target.CanFloat():
		v, err := strconv.ParseFloat(text, bits())
		if err != nil {
			return err
		}
		target.SetFloat(v)
	default:
		return fmt.Errorf("no flag can be a %s", target.Type())
	}
	return nil
}

// arguments are what follows the flags.
type arguments []string

// Decode takes the rest of the command line.
func (a *arguments) Decode(ctx *kong.DecodeContext) error {
	for _, t := range ctx.Scan.PopUntil(kong.Token.IsEOL) {
		*a = append(*a, t.String())
	}
	return nil
}

// helpAsked is the flag --help, which ends parsing.
type helpAsked bool

// UnmarshalText reports that help was asked for.
func (*helpAsked) UnmarshalText([]byte) error { return ErrHelp }
