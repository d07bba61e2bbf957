// Package panics makes an error of a panic, so that a mistake in one request does not end all others.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was caught, with the stack of the goroutine that it ended.
type Error struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is the value, where that is an error.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Of is the error of a value that recover has given.
func Of(value any) *Error { return &Error{Value: value, Stack: debug.Stack()} }

// Catch is to be deferred: the error of a function that panics is the panic.
func Catch(err *error) {
	if v := recover(); v != nil {
		*err = Of(v)
	}
}

// Call is fn's error, or its panic.
func Call(fn func() error) (err error) {
	defer Catch(&err)
	return fn()
}
