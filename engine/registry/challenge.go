package registry

import (
	"net/http"
	"strings"
)

// challenge is one authentication method that a server offers (RFC 9110, section 11.6.1).
type challenge struct {
	scheme string // in lower case
	params map[string]string
}

// challengesOf reads all challenges of a reply, leaving out what it cannot read.
func challengesOf(h http.Header) (list []challenge) {
	for _, line := range h.Values("WWW-Authenticate") {
		list = append(list, parseChallenges(line)...)
	}
	return list
}

// parseChallenges reads one header, which may hold several challenges.
func parseChallenges(s string) (list []challenge) {
	for {
		s = strings.TrimLeft(s, " \t,")
		word, rest := token(s)
		if word == "" {
			return list
		}
		if after := strings.TrimLeft(rest, " \t"); strings.HasPrefix(after, "=") && len(list) > 0 {
			var value string
			value, s = paramValue(strings.TrimLeft(after[1:], " \t"))
			list[len(list)-1].params[strings.ToLower(word)] = value
			continue
		}
		list = append(list, challenge{strings.ToLower(word), map[string]string{}})
		s = rest
	}
}

// token splits a leading token off (RFC 9110, section 5.6.2).
func token(s string) (word, rest string) {
	n := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
	if n < 0 {
		n = len(s)
	}
	return s[:n], s[n:]
}

// paramValue splits a leading token or quoted string off.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = token(s)
		if value == "" && s != "" && s[0] != ',' {
			rest = s[1:] // skip a misplaced byte
		}
		return value, rest
	}
	var b strings.Builder
	for n := 1; n < len(s); n++ {
		switch s[n] {
		case '"':
			return b.String(), s[n+1:]
		case '\\':
			if n++; n == len(s) {
				return b.String(), ""
			}
		}
		b.WriteByte(s[n])
	}
	return b.String(), ""
}
