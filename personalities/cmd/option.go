package cmd

import (
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Option is one flag of a command, as its struct declares it.
type Option struct {
	*kong.Flag
	bare     string // what it means without a value
	needsOne bool   // a value
	check    func(text string) error
}

// optionOf is what kong knows of a field, and what of Docker's rules comes on top.
func (u *Usage) optionOf(f *kong.Flag) *Option {
	o := &Option{Flag: f, bare: f.Tag.Get("bare"), check: u.Checks[f.Tag.Type]}
	if o.bare == "" && f.IsBool() {
		o.bare = "true"
	}
	o.needsOne = o.bare == ""
	f.Mapper = o // the one way of a value into a field, on the command line and from a file
	return o
}

// Value points at the field.
func (o *Option) Value() any { return o.Target.Addr().Interface() }

// String names the flag as an error message does: "-m, --memory".
func (o *Option) String() string {
	if o.Short == 0 {
		return "--" + o.Name
	}
	return "-" + string(o.Short) + ", --" + o.Name
}

// placeholder is the word after the flag's name in help; booleans have none.
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

// initial is the default as help shows it, or empty when there is nothing worth showing.
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

// described is the flag's text in help with its default.
func (o *Option) described() string {
	if d := o.initial(); d != "" {
		return o.Help + " (default " + d + ")"
	}
	return o.Help
}

// column is the left side of the flag's line of help; empty for one that is hidden.
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
