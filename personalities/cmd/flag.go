package cmd

import (
	"fmt"
	"strconv"
	"time"
)

// Flag is one row of a command's flag table. Value points at the field that the flag fills; what the
// field holds before parsing is its default.
//
// Fields may be bool, string, int, int64, uint16, uint64, float64, time.Duration, []string (every use appends,
// commas are kept), pointers to bool, int and string (nil until the flag is used), or a Setter.
type Flag struct {
	Value  any
	Name   string
	Short  string // one letter, or empty
	Kind   string // the word that stands for the value in help: string, list, bytes...
	Help   string // may have several lines
	Hidden bool
	Bare   string // what the flag means without a value; empty: a value is needed (booleans: "true")
}

// Setter is a value with a syntax of its own. Every use of the flag calls Set once.
type Setter interface{ Set(text string) error }

// bare says what the flag means when no value follows it.
func (f *Flag) bare() (string, bool) {
	switch f.Value.(type) {
	case *bool, **bool:
		return "true", true
	}
	return f.Bare, f.Bare != ""
}

// String names the flag as an error message does: "-m, --memory".
func (f *Flag) String() string {
	if f.Short == "" {
		return "--" + f.Name
	}
	return "-" + f.Short + ", --" + f.Name
}

// Set stores text in the field, as a use of the flag with that value does.
func (f *Flag) Set(text string) (err error) {
	switch p := f.Value.(type) {
	case Setter:
		return p.Set(text)
	case *string:
		*p = text
	case **string:
		*p = &text
	case *[]string:
		*p = append(*p, text)
	case *bool:
		*p, err = strconv.ParseBool(text)
	case **bool:
		var v bool
		v, err = strconv.ParseBool(text)
		*p = &v
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	default:
		return f.setNumber(text)
	}
	return err
}

func (f *Flag) setNumber(text string) (err error) {
	switch p := f.Value.(type) {
	case *int:
		var v int64
		v, err = strconv.ParseInt(text, 0, 0)
		*p = int(v)
	case **int:
		var v int64
		v, err = strconv.ParseInt(text, 0, 0)
		n := int(v)
		*p = &n
	case *int64:
		*p, err = strconv.ParseInt(text, 0, 64)
	case *uint16:
		var v uint64
		v, err = strconv.ParseUint(text, 0, 16)
		*p = uint16(v)
	case *uint64:
		*p, err = strconv.ParseUint(text, 0, 64)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	default:
		return fmt.Errorf("flag --%s has no parser for %T", f.Name, f.Value)
	}
	return err
}

// kind is the word after the flag's name in help; booleans have none.
func (f *Flag) kind() string {
	if f.Kind != "" {
		return f.Kind
	}
	if f.Bare == "true" {
		return "" // a boolean with a setter
	}
	switch f.Value.(type) {
	case *bool, **bool:
		return ""
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
func (f *Flag) initial() string {
	switch p := f.Value.(type) {
	case *string:
		if *p != "" {
			return strconv.Quote(*p)
		}
	case *bool:
		if *p {
			return "true"
		}
	case *int:
		if *p != 0 {
			return strconv.Itoa(*p)
		}
	case *int64:
		if *p != 0 {
			return strconv.FormatInt(*p, 10)
		}
	case *time.Duration:
		if *p != 0 {
			return p.String()
		}
	}
	return ""
}
