package table

import (
	"encoding/json"
	"fmt"

	"box/personalities/docker/session"
	"box/template"
)

// FormatOne prints one value of this side as JSON or by a template.
func FormatOne(s *session.Session, format string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if format == "json" {
		format = "{{json .}}"
	}
	t, err := template.Parse(Unescape(format))
	if err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	decoded, err := template.Decode(raw)
	if err != nil {
		return err
	}
	if err := Execute(s.Out, t, decoded); err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	return nil
}
