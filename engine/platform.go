package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/refuse"
)

// checkPlatform refuses an image, called ref by the user, that is not for the platform that is wanted.
func checkPlatform(img *image.Image, ref string, want *ocispec.Platform) error {
	if img.CheckPlatform(want) == nil {
		return nil
	}
	return refuse.NotFound("image with reference %s was found but its platform (%s) does not match the specified platform (%s)",
		ref, image.PlatformString(img.Platform()), image.PlatformString(*want))
}

// platformWarnings tells of an image whose programs may not run on this host.
func platformWarnings(img *image.Image) []string {
	host := image.HostPlatform()
	if img.CheckPlatform(&host) == nil {
		return nil
	}
	return []string{fmt.Sprintf("The requested image's platform (%s) does not match the detected host platform (%s) and no specific platform was requested",
		image.PlatformString(img.Platform()), image.PlatformString(host))}
}

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
		return nil, refuse.Invalid("failed to parse platform: %v", err)
	}
	if p.OS == "" || p.Architecture == "" {
		return nil, refuse.Invalid("both OS and Architecture must be provided")
	}
	return &p, nil
}
