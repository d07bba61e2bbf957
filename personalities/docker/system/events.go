package system

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
	"box/templates"
)

// Events is `docker system events`.
type Events struct {
	Filter values.Filters `short:"f" placeholder:"filter" help:"Filter: type=..., event=..., container=..., label=..."`
	Format string         `help:"json, or a Go template"`
	Since  string         `help:"Show what happened since a time: 2026-01-02T13:23:37Z, or 42m ago"`
	Until  string         `help:"Show what happened before a time, and stop then"`
}

// Run implements session.Runner.
func (c *Events) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) (err error) {
	now := time.Now()
	if c.Since, err = values.Instant(c.Since, now); err != nil {
		return err
	}
	if c.Until, err = values.Instant(c.Until, now); err != nil {
		return err
	}
	show, err := eventPrinter(s, c.Format)
	if err != nil {
		return err
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	return api.Events(ctx, c.Since, c.Until, client.Filters(c.Filter), show)
}

// eventPrinter returns a function that prints an event on one line: as text, as JSON, or by a template.
func eventPrinter(s *session.Session, format string) (func(*client.Event) error, error) {
	if format == "" {
		return func(m *client.Event) error {
			_, err := fmt.Fprintln(s.Out, eventText(m))
			return err
		}, nil
	}
	if format == "json" {
		format = "{{json .}}"
	}
	invalid := func(err error) error { return &cmd.Exit{Code: 64, Err: fmt.Errorf("Error parsing format: %w", err)} }
	t, err := templates.Parse("", format)
	if err != nil {
		return nil, invalid(err)
	}
	// refuse a template with an unknown field before the first event
	if err := t.Execute(io.Discard, &client.Event{}); err != nil {
		return nil, invalid(err)
	}
	return func(m *client.Event) error { return table.Value{Typed: m}.Print(s.Out, t) }, nil
}

func eventText(m *client.Event) string {
	at := time.Unix(0, m.TimeNano)
	if m.TimeNano == 0 {
		at = time.Unix(m.Time, 0)
	}
	text := fmt.Sprintf("%s %s %s %s", at.Format("2006-01-02T15:04:05.000000000Z07:00"), m.Type, m.Action, m.Actor.ID)
	if len(m.Actor.Attributes) == 0 {
		return text
	}
	var attributes []string
	for k, v := range m.Actor.Attributes {
		attributes = append(attributes, k+"="+v)
	}
	slices.Sort(attributes)
	return text + " (" + strings.Join(attributes, ", ") + ")"
}
