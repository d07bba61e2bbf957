package filter

import (
	"regexp"
	"strings"
)

// Name tells whether a filter fits a name: it is a regular expression on the name, with or without the slash
// that the API shows, or when it is not one, a part of it.
func Name(pattern, name string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return strings.Contains(name, pattern)
	}
	return re.MatchString(name) || re.MatchString("/"+name)
}
