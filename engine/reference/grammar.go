package reference

import "strings"

func isLower(c byte) bool   { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool   { return 'A' <= c && c <= 'Z' }
func isDecimal(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool     { return isDecimal(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
func isAlnum(c byte) bool   { return isLower(c) || isUpper(c) || isDecimal(c) }

// all tells whether s is not empty and fits returns true for all of its bytes.
func all(s string, fits func(byte) bool) bool {
	for i := range len(s) {
		if !fits(s[i]) {
			return false
		}
	}
	return s != ""
}

// isID tells whether s is 64 hexadecimal digits.
func isID(s string) bool {
	return len(s) == 64 && all(s, func(c byte) bool { return isDecimal(c) || 'a' <= c && c <= 'f' })
}

// isDomain matches HOST[:PORT]. The host is labels separated by dots, or an IPv6 address in brackets.
func isDomain(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		inner, after, ok := strings.Cut(s[1:], "]")
		if !ok || !all(inner, func(c byte) bool { return isHex(c) || c == ':' }) {
			return false
		}
		host, port = "", after
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
	}
	if port != "" && (port[0] != ':' || !all(port[1:], isDecimal)) {
		return false
	}
	if strings.HasPrefix(s, "[") {
		return true
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// isLabel matches letters and digits, with hyphens between them.
func isLabel(s string) bool {
	return all(s, func(c byte) bool { return isAlnum(c) || c == '-' }) && s[0] != '-' && s[len(s)-1] != '-'
}

// isComponent matches a component of a path: lower-case letters and digits, separated by one dot, one or two
// underscores, or hyphens.
func isComponent(s string) bool {
	for i := 0; ; {
		word := i
		for i < len(s) && (isLower(s[i]) || isDecimal(s[i])) {
			i++
		}
		if i == word {
			return false
		}
		if i == len(s) {
			return true
		}
		between := i
		for i < len(s) && s[i] == s[between] {
			i++
		}
		switch n := i - between; s[between] {
		case '.':
			if n > 1 {
				return false
			}
		case '_':
			if n > 2 {
				return false
			}
		case '-':
		default:
			return false
		}
	}
}

// isTag matches a word character, and up to 127 of these, dots and hyphens.
func isTag(s string) bool {
	word := func(c byte) bool { return isAlnum(c) || c == '_' }
	return len(s) <= maxTag && all(s, func(c byte) bool { return word(c) || c == '.' || c == '-' }) && word(s[0])
}

// isDigest matches ALGORITHM:HEX of at least 32 digits. The algorithm is words separated by one of +._-.
func isDigest(s string) bool {
	algorithm, sum, ok := strings.Cut(s, ":")
	if !ok || len(sum) < 32 || !all(sum, isHex) {
		return false
	}
	for word := range strings.FieldsFuncSeq(algorithm+"\x00",
		func(r rune) bool { return strings.ContainsRune("+._-\x00", r) }) {
		if !all(word, isAlnum) || isDecimal(word[0]) {
			return false
		}
	}
	return algorithm != "" && !strings.ContainsAny(algorithm[:1]+algorithm[len(algorithm)-1:], "+._-") &&
		!doubled(algorithm, "+._-")
}

// doubled tells whether s contains two adjacent characters of set.
func doubled(s, set string) bool {
	for i := 1; i < len(s); i++ {
		if strings.IndexByte(set, s[i-1]) >= 0 && strings.IndexByte(set, s[i]) >= 0 {
			return true
		}
	}
	return false
}
