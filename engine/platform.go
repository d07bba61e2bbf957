package engine

import (
	"encoding/json"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
)

// ParsePlatform reads the platform of a request: JSON, or as users type it; nil for "".
func ParsePlatform(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "{") {
		p, err := image.ParsePlatform(text)
		return &p, err
	}
	var p ocispec.Platform
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, invalid("failed to parse platform: %v", err)
	}
	if p.OS == "" || p.Architecture == "" {
		return nil, invalid("both OS and Architecture must be provided")
	}
	return &p, nil
}
