package netapi

import (
	"strconv"
	"strings"
)

// preference is an element of an Accept or Accept-Encoding header, with its quality (RFC 9110, section 12.4.2).
type preference struct {
	name    string
	quality float64
}

// preferences reads such headers; a quality that cannot be read is none.
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

// acceptedEncoding picks gzip, deflate or "" by an Accept-Encoding header.
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

// acceptedType picks by an Accept header the media type that a client prefers among offers, of equal ones the first;
// "" when it takes none of them.
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
