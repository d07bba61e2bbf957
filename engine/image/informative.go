package image

import (
	"encoding/json"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// read reads a configuration. Fields that only inform (history, dates, author) are left out if they have the wrong
// type.
func (c *Config) read(raw []byte) error {
	if json.Unmarshal(raw, c) == nil {
		return nil
	}
	var needed struct {
		Architecture string                          `json:"architecture"`
		OS           string                          `json:"os"`
		Config       dockerspec.DockerOCIImageConfig `json:"config"`
		RootFS       ocispec.RootFS                  `json:"rootfs"`
	}
	if err := json.Unmarshal(raw, &needed); err != nil {
		return err
	}
	var more struct {
		Variant   json.RawMessage `json:"variant"`
		OSVersion json.RawMessage `json:"os.version"`
		Created   json.RawMessage `json:"created"`
		Author    json.RawMessage `json:"author"`
		Comment   json.RawMessage `json:"comment"`
		History   json.RawMessage `json:"history"`
	}
	informed(raw, &more)
	*c = Config{Architecture: needed.Architecture, OS: needed.OS, Config: needed.Config, RootFS: needed.RootFS}
	informed(more.Variant, &c.Variant)
	informed(more.OSVersion, &c.OSVersion)
	informed(more.Created, &c.Created)
	informed(more.Author, &c.Author)
	informed(more.Comment, &c.Comment)
	c.History = historyIn(more.History)
	return nil
}

// informed decodes JSON into a value, or leaves the value empty if it does not fit.
func informed[T any](raw json.RawMessage, into *T) {
	if len(raw) == 0 || json.Unmarshal(raw, into) != nil {
		var none T
		*into = none
	}
}

// historyIn decodes the parts of a history that have the right type.
func historyIn(raw json.RawMessage) []ocispec.History {
	var lines []json.RawMessage
	informed(raw, &lines)
	list := make([]ocispec.History, len(lines))
	for n, line := range lines {
		var l struct {
			Created    json.RawMessage `json:"created"`
			CreatedBy  json.RawMessage `json:"created_by"`
			Author     json.RawMessage `json:"author"`
			Comment    json.RawMessage `json:"comment"`
			EmptyLayer json.RawMessage `json:"empty_layer"`
		}
		informed(line, &l)
		h := &list[n]
		informed(l.Created, &h.Created)
		informed(l.CreatedBy, &h.CreatedBy)
		informed(l.Author, &h.Author)
		informed(l.Comment, &h.Comment)
		informed(l.EmptyLayer, &h.EmptyLayer)
	}
	return list
}
