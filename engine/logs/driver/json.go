package driver

import "unicode/utf8"

// plain reports whether a byte stands for itself in a JSON string of ours.
func plain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// AppendJSON appends text and end as one JSON string (RFC 8259, section 7). Like Docker it also escapes what is
// special in HTML; an invalid UTF-8 byte becomes U+FFFD.
func AppendJSON(b, text []byte, end string) []byte {
	b = append(b, '"')
	b = appendEscaped(b, text)
	b = appendEscaped(b, []byte(end))
	return append(b, '"')
}

func appendEscaped(b, text []byte) []byte {
	for len(text) > 0 {
		n := 0
		for n < len(text) && plain(text[n]) {
			n++
		}
		b = append(b, text[:n]...)
		if text = text[n:]; len(text) > 0 {
			b, n = appendEscape(b, text)
			text = text[n:]
		}
	}
	return b
}

// appendEscape appends the first character of text, which is not plain, and returns its length.
func appendEscape(b, text []byte) ([]byte, int) {
	const hex = "0123456789abcdef"
	c := text[0]
	if c >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			return append(b, `\ufffd`...), n
		case r == '\u2028' || r == '\u2029':
			return append(append(b, `\u202`...), hex[r&0xf]), n
		}
		return append(b, text[:n]...), n
	}
	switch c {
	case '"', '\\':
		return append(b, '\\', c), 1
	case '\n':
		return append(b, `\n`...), 1
	case '\r':
		return append(b, `\r`...), 1
	case '\t':
		return append(b, `\t`...), 1
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf]), 1
}
