package engine

import (
	"regexp"
	"strings"
)

// matchName tells whether a filter fits a name: it is a regular expression on the name, with or without the slash
// that the API shows, or when it is not one, a part of it.
func matchName(filter, name string) bool {
	re, err := regexp.Compile(filter)
	if err != nil {
		return strings.Contains(name, filter)
	}
	return re.MatchString(name) || re.MatchString("/"+name)
}

// overlayLowers is the lowerdir of overlay's options as absolute paths.
func overlayLowers(options []string, dir string) string {
	for _, o := range options {
		lowers, ok := strings.CutPrefix(o, "lowerdir=")
		if !ok {
			continue
		}
		parts := strings.Split(lowers, ":")
		for i, p := range parts {
			if !strings.HasPrefix(p, "/") {
				parts[i] = dir + "/" + p
			}
		}
		return strings.Join(parts, ":")
	}
	return ""
}
