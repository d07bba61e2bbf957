package cmd

import (
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Option is one flag of a command.
type Option struct {
	*kong.Flag
	bare     string // value of the flag if it is given without one
	needsOne bool   // whether a value has to follow
	check    func(text string) error
}

// optionOf adds Docker's rules to kong's flag.
func (u *Usage) optionOf(f *kong.Flag) *Option {
	o := &Option{Flag: f, bare: f.Tag.Get("bare"), check: u.Checks[f.Tag.Type]}
	if o.bare == "" && f.IsBool() {
		o.bare = "true"
	}
	o.needsOne = o.bare == ""
	f.Mapper = o // values are stored by Option.Decode only
	return o
}

// Value returns a pointer to the field.
func (o *Option) Value() any { return o.Target.Addr().Interface() }

// String returns the flag as error messages have it: "-m, --memory".
func (o *Option) String() string {
	if o.Short == 0 {
		return "--" + o.Name
	}
	return "-" + string(o.Short) + ", --" + o.Name
}

// placeholder returns the word that stands for the value in help, or "" for a boolean.
func (o *Option) placeholder() string {
	if o.PlaceHolder != "" {
		return o.PlaceHolder
	}
	if o.bare == "true" {
		return ""
	}
	switch o.Value().(type) {
	case *[]string:
		return "list"
	case *string, **string:
		return "string"
	case *time.Duration:
		return "duration"
	case *float64:
		return "float"
	case *int, **int, *int64:
		return "int"
	case *uint16:
		return "uint16"
	case *uint64:
		return "uint"
	}
	return "value"
}

// initial returns the default as help shows it, or "" for a zero value.
func (o *Option) initial() string {
	if o.Target.IsZero() {
		return ""
	}
	switch v := o.Target.Interface().(type) {
	case string:
		return strconv.Quote(v)
	case bool:
		return "true"
	case int, int64:
		return strconv.FormatInt(reflect.ValueOf(v).Int(), 10)
	case time.Duration:
		return v.String()
	}
	return ""
}

// described returns the description of the flag with its default.
func (o *Option) described() string {
	if d := o.initial(); d != "" {
		return o.Help + " (default " + d + ")"
	}
	return o.Help
}

// column returns the flag's left column in help, or "" if it is hidden.
func (o *Option) column() string {
	if o.Hidden {
		return ""
	}
	text := "      --" + o.Name
	if o.Short != 0 {
		text = "  " + o.String()
	}
	if k := o.placeholder(); k != "" {
		text += " " + k
	}
	return text
}
