package image

import "encoding/json"

// Words are a list of words in JSON, or one word alone.
type Words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *Words) UnmarshalJSON(raw []byte) error {
	var one string
	if len(raw) > 0 && raw[0] == '"' {
		err := json.Unmarshal(raw, &one)
		*w = Words{one}
		return err
	}
	return json.Unmarshal(raw, (*[]string)(w))
}
