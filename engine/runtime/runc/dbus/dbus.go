// Package dbus stands in for github.com/godbus/dbus/v5, by a replace of go.mod: libcontainer is linked with its half for
// systemd's control groups, which box never asks for (engine/cgroup makes its own), and the bus would be in the file for
// that alone. It has what is needed to compile that half, and no bus.
package dbus

import "errors"

// ErrClosed is the error of every call.
var ErrClosed = errors.New("box speaks no D-Bus")

// Error is the error of a method call. None is ever returned.
type Error struct{ Name string }

// Error implements error.
func (e Error) Error() string { return e.Name }

// Variant is a value of any type.
type Variant struct{ value any }

// MakeVariant returns v as a variant.
func MakeVariant(v any) Variant { return Variant{v} }

// Value returns the value.
func (v Variant) Value() any { return v.value }

// Signature returns the empty type.
func (Variant) Signature() Signature { return Signature{} }

// Signature is the type of a value.
type Signature struct{}

// String returns nothing.
func (Signature) String() string { return "" }

// ParseVariant refuses the text of a variant.
func ParseVariant(string, Signature) (Variant, error) { return Variant{}, ErrClosed }

// EscapeBusAddressValue returns a part of an address as it is.
func EscapeBusAddressValue(s string) string { return s }

// Auth is a way to say who one is.
type Auth interface{}

// AuthExternal is the way of user.
func AuthExternal(string) Auth { return nil }

// Conn is a connection. There is none.
type Conn struct{}

// Dial refuses to connect.
func Dial(string) (*Conn, error) { return nil, ErrClosed }

// Auth refuses.
func (*Conn) Auth([]Auth) error { return ErrClosed }

// Hello refuses.
func (*Conn) Hello() error { return ErrClosed }

// Close does nothing.
func (*Conn) Close() error { return nil }
