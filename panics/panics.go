// Package panics turns panics into errors, so that a bug in one request does not end all others.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a recovered panic, with the stack of its goroutine.
type Error struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if that is an error.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Of returns the error for a recovered value.
func Of(value any) *Error { return &Error{Value: value, Stack: debug.Stack()} }

// Catch is to be deferred. It turns a panic of the function into its error.
func Catch(err *error) {
	if v := recover(); v != nil {
		*err = Of(v)
	}
}

// Call returns the error of fn, or its panic as an error.
func Call(fn func() error) (err error) {
	defer Catch(&err)
	return fn()
}
