package request

import (
	"encoding/json"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/refuse"
)

// Platform parses the platform of a request, as JSON or as users type it. It returns nil for "".
func Platform(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "{") {
		p, err := image.ParsePlatform(text)
		return &p, err
	}
	var p ocispec.Platform
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, refuse.Invalid("failed to parse platform: %v", err)
	}
	if p.OS == "" || p.Architecture == "" {
		return nil, refuse.Invalid("both OS and Architecture must be provided")
	}
	return &p, nil
}
