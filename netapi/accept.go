package netapi

import (
	"strconv"
	"strings"
)

// preference is an element of an Accept or Accept-Encoding header with its quality (RFC 9110, section 12.4.2).
type preference struct {
	name    string
	quality float64
}

// preferences parses such headers. A quality that cannot be parsed counts as 0.
func preferences(headers []string) (list []preference) {
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		p := preference{strings.ToLower(strings.TrimSpace(name)), 1}
		for param := range strings.SplitSeq(params, ";") {
			text, ok := strings.CutPrefix(strings.TrimSpace(param), "q=")
			if !ok {
				continue
			}
			var err error
			if p.quality, err = strconv.ParseFloat(text, 64); err != nil {
				p.quality = 0
			}
		}
		if p.name != "" {
			list = append(list, p)
		}
	}
	return list
}

// acceptedEncoding chooses gzip, deflate or "" for an Accept-Encoding header.
func acceptedEncoding(headers []string) string {
	best := preference{}
	for _, p := range preferences(headers) {
		if p.name == "*" {
			p.name = "gzip"
		}
		if (p.name == "gzip" || p.name == "deflate") && p.quality > best.quality {
			best = p
		}
	}
	return best.name
}

// acceptedType returns the media type among offers that the client prefers by its Accept header, the first of equal
// ones, or "" if it accepts none.
func acceptedType(headers []string, offers []string) string {
	best, all := preference{}, preferences(headers)
	for _, offer := range offers {
		group, _, _ := strings.Cut(offer, "/")
		worth := preference{}
		for _, p := range all { // the longer name is the more exact one, which counts
			if fits := p.name == offer || p.name == group+"/*" || p.name == "*/*"; fits && len(p.name) > len(worth.name) {
				worth = p
			}
		}
		if worth.quality > best.quality {
			best = preference{offer, worth.quality}
		}
	}
	return best.name
}
