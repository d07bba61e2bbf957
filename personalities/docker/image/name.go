// Package image is the commands about images, with a file for each verb.
package image

import (
	"encoding/json"
	"fmt"
	"strings"

	"box/engine/reference"
)

// SplitTag parses REPOSITORY[:TAG] and refuses a digest.
func SplitTag(name string) (repo, tag string, err error) {
	named, err := reference.Parse(name)
	if err != nil {
		return "", "", err
	}
	if named.Digest != "" {
		return "", "", fmt.Errorf("refusing to create a tag with a digest reference")
	}
	return named.FamiliarName(), named.OrLatest().Tag, nil
}

// platformsJSON converts os/arch[/variant] to the JSON of the API.
func platformsJSON(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		for one := range strings.SplitSeq(name, ",") {
			parts := strings.Split(one, "/")
			if len(parts) < 2 || len(parts) > 3 {
				return nil, fmt.Errorf("invalid platform %q: write it as os/arch[/variant], such as linux/amd64", one)
			}
			p := map[string]string{"os": parts[0], "architecture": parts[1]}
			if len(parts) == 3 {
				p["variant"] = parts[2]
			}
			raw, err := json.Marshal(p)
			if err != nil {
				return nil, err
			}
			out = append(out, string(raw))
		}
	}
	return out, nil
}

// Familiar returns the short form of an image's name with its tag: busybox is busybox:latest.
func Familiar(name string) string {
	named, err := reference.Parse(name)
	if err != nil {
		return name
	}
	return named.OrLatest().Familiar()
}
