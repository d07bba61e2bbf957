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
