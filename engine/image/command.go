package image

import "encoding/json"

// Command is a program with its arguments: in JSON a list of strings or a single string, as in Docker.
type Command []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *Command) UnmarshalJSON(raw []byte) error {
	var one string
	if len(raw) > 0 && raw[0] == '"' {
		err := json.Unmarshal(raw, &one)
		*w = Command{one}
		return err
	}
	return json.Unmarshal(raw, (*[]string)(w))
}
