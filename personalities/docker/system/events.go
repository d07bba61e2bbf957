package system

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
	"box/template"
)

// Events has the flags of `docker system events`.
type Events struct {
	Filter values.Filters `short:"f" placeholder:"filter" help:"Only those that match: type=..., event=..., container=..., label=..."`
	Format string         `help:"json, or a Go template"`
	Since  string         `help:"From this time on: 2026-01-02T13:23:37Z, or 42m ago"`
	Until  string         `help:"Up to this time"`
}

// Run is `docker system events`.
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

// eventPrinter prints one event a line: in words, as JSON, or by a template.
func eventPrinter(s *session.Session, format string) (func(events.Message) error, error) {
	if format == "" {
		return func(m events.Message) error {
			_, err := fmt.Fprintln(s.Out, eventText(m))
			return err
		}, nil
	}
	if format == "json" {
		format = "{{json .}}"
	}
	t, err := template.Parse(table.Unescape(format))
	if err != nil {
		return nil, fmt.Errorf("template parsing error: %w", err)
	}
	return func(m events.Message) error {
		raw, err := json.Marshal(m)
		if err != nil {
			return err
		}
		v, err := template.Decode(raw)
		if err != nil {
			return err
		}
		return table.Execute(s.Out, t, template.Shape(v, reflect.TypeFor[events.Message]()))
	}, nil
}

func eventText(m events.Message) string {
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
