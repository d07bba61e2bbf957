package filter

import (
	"regexp"
	"strings"
)

// Name tells whether a filter matches a name. It is a regular expression for the name with or without the slash that
// the API shows or, if it is not a valid one, a part of the name.
func Name(pattern, name string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return strings.Contains(name, pattern)
	}
	return re.MatchString(name) || re.MatchString("/"+name)
}
