package inroot

import (
	"path"
	"strings"
)

// Rooted returns p as a clean path from the root. It keeps a slash or "/." at the end, which mean that a folder is
// expected.
func Rooted(p string) string {
	clean := path.Join("/", p)
	switch {
	case path.Base(p) == "." && !strings.HasSuffix(clean, "/"):
		return clean + "/."
	case path.Base(p) == ".":
		return clean + "."
	case strings.HasSuffix(p, "/") && !strings.HasSuffix(clean, "/"):
		return clean + "/"
	}
	return clean
}

// Base returns the last part of a path, as filepath.Base.
func Base(p string) string {
	if strings.Trim(p, "/") == "" {
		return "/"
	}
	p = strings.TrimRight(p, "/")
	return p[strings.LastIndexByte(p, '/')+1:]
}
