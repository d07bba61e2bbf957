// Package dbus stands in for github.com/coreos/go-systemd/v22/dbus, by a replace of go.mod, as the package of the bus
// itself does (engine/runtime/runc/dbus).
package dbus

import (
	"context"

	bus "github.com/godbus/dbus/v5"
)

// Property is a property of a unit.
type Property struct {
	Name  string
	Value bus.Variant
}

// PropDescription is the description of a unit.
func PropDescription(s string) Property { return Property{"Description", bus.MakeVariant(s)} }

// PropSlice is the slice of a unit.
func PropSlice(s string) Property { return Property{"Slice", bus.MakeVariant(s)} }

// PropWants are the units that one wants.
func PropWants(units ...string) Property { return Property{"Wants", bus.MakeVariant(units)} }

// Conn is a connection to systemd. There is none.
type Conn struct{}

// NewWithContext refuses to connect.
func NewWithContext(context.Context) (*Conn, error) { return nil, bus.ErrClosed }

// NewConnection refuses to connect.
func NewConnection(func() (*bus.Conn, error)) (*Conn, error) { return nil, bus.ErrClosed }

// Close does nothing.
func (*Conn) Close() {}

// StartTransientUnitContext refuses.
func (*Conn) StartTransientUnitContext(context.Context, string, string, []Property, chan<- string) (int, error) {
	return 0, bus.ErrClosed
}

// StopUnitContext refuses.
func (*Conn) StopUnitContext(context.Context, string, string, chan<- string) (int, error) {
	return 0, bus.ErrClosed
}

// AttachProcessesToUnit refuses.
func (*Conn) AttachProcessesToUnit(context.Context, string, string, []uint32) error {
	return bus.ErrClosed
}

// ResetFailedUnitContext refuses.
func (*Conn) ResetFailedUnitContext(context.Context, string) error { return bus.ErrClosed }

// GetUnitTypePropertyContext refuses.
func (*Conn) GetUnitTypePropertyContext(context.Context, string, string, string) (*Property, error) {
	return nil, bus.ErrClosed
}

// SetUnitPropertiesContext refuses.
func (*Conn) SetUnitPropertiesContext(context.Context, string, bool, ...Property) error {
	return bus.ErrClosed
}

// GetManagerProperty refuses.
func (*Conn) GetManagerProperty(string) (string, error) { return "", bus.ErrClosed }
