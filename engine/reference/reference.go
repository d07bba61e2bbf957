// Package reference parses names of images: docker.io/library/busybox:latest in full, busybox as users type it. The
// grammar is that of github.com/distribution/reference, without its regular expressions, whose compilation would take a
// quarter of the start of box.
package reference

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	defaultDomain = "docker.io"
	oldDomain     = "index.docker.io" // of Docker's registry, as it was called before
	officialPath  = "library/"
	defaultTag    = "latest"
	maxName       = 255 // bytes of the path
	maxTag        = 128
)

// Errors in a reference, in Docker's words.
var (
	ErrFormat    = errors.New("invalid reference format")
	ErrEmpty     = errors.New("repository name must have at least one component")
	ErrCapitals  = errors.New("repository name must be lowercase")
	ErrTooLong   = fmt.Errorf("repository name must not be more than %d characters", maxName)
	errTagFormat = errors.New("invalid tag format")
)

// Named is the name of a repository or, with a tag or a digest or both, of an image.
type Named struct {
	Domain string // of the registry, with its port
	Path   string
	Tag    string        // "" for none
	Digest digest.Digest // "" for none
}

// Parse parses a name in short or full form.
func Parse(s string) (Named, error) {
	if isID(s) {
		return Named{}, fmt.Errorf("invalid repository name (%s), cannot specify 64-byte hexadecimal strings", s)
	}
	domain, rest := splitDomain(s)
	remote, _, _ := strings.Cut(rest, ":")
	if strings.ToLower(remote) != remote {
		return Named{}, fmt.Errorf("%w: repository name (%s) must be lowercase", ErrFormat, remote)
	}
	n, err := parse(domain, rest)
	if errors.Is(err, ErrFormat) {
		if _, small := parse(strings.ToLower(domain), strings.ToLower(rest)); !errors.Is(small, ErrFormat) {
			err = ErrCapitals
		}
	}
	if err != nil {
		return Named{}, err
	}
	return n, nil
}

// ParseAny is Parse, but also accepts the ID of an image with or without its algorithm.
func ParseAny(s string) (n Named, id digest.Digest, err error) {
	if isID(s) {
		return n, digest.NewDigestFromEncoded(digest.SHA256, s), nil
	}
	if d, err := digest.Parse(s); err == nil {
		return n, d, nil
	}
	n, err = Parse(s)
	return n, "", err
}

// splitDomain splits off a registry. Its name contains a dot, a port or an upper-case letter, or is localhost.
func splitDomain(s string) (domain, rest string) {
	first, after, ok := strings.Cut(s, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first {
		domain, rest = defaultDomain, s
	} else {
		domain, rest = first, after
	}
	if domain == oldDomain {
		domain = defaultDomain
	}
	if domain == defaultDomain && !strings.Contains(rest, "/") {
		rest = officialPath + rest
	}
	return domain, rest
}

// parse parses PATH[:TAG][@DIGEST].
func parse(domain, s string) (n Named, err error) {
	s, sum, digested := strings.Cut(s, "@")
	end := strings.LastIndexByte(s, '/') + 1
	last, tag, tagged := strings.Cut(s[end:], ":")
	n = Named{Domain: domain, Path: s[:end] + last, Tag: tag}
	switch {
	case tagged && !isTag(tag):
		return n, ErrFormat
	case digested && !isDigest(sum):
		return n, ErrFormat
	}
	if !isDomain(domain) { // it may be the first folder of a path all the same
		n.Domain, n.Path = "", domain+"/"+n.Path
	}
	for part := range strings.SplitSeq(n.Path, "/") {
		if !isComponent(part) {
			return n, ErrFormat
		}
	}
	if len(n.Path) > maxName {
		return n, ErrTooLong
	}
	if digested {
		n.Digest, err = digest.Parse(sum)
	}
	return n, err
}

// Name returns domain and path.
func (n Named) Name() string {
	if n.Domain == "" {
		return n.Path
	}
	return n.Domain + "/" + n.Path
}

// String returns the full name, which Parse accepts.
func (n Named) String() string { return n.Name() + n.suffix() }

func (n Named) suffix() string {
	s := ""
	if n.Tag != "" {
		s = ":" + n.Tag
	}
	if n.Digest != "" {
		s += "@" + n.Digest.String()
	}
	return s
}

// FamiliarName returns the short form of Name.
func (n Named) FamiliarName() string {
	if n.Domain != defaultDomain {
		return n.Name()
	}
	if official, ok := strings.CutPrefix(n.Path, officialPath); ok && !strings.Contains(official, "/") {
		return official
	}
	return n.Path
}

// Familiar returns the short form of String.
func (n Named) Familiar() string { return n.FamiliarName() + n.suffix() }

// Repository returns the name without tag and digest.
func (n Named) Repository() Named { return Named{Domain: n.Domain, Path: n.Path} }

// IsNameOnly tells whether there is neither a tag nor a digest.
func (n Named) IsNameOnly() bool { return n.Tag == "" && n.Digest == "" }

// OrLatest returns the name, with the tag latest if it has neither tag nor digest.
func (n Named) OrLatest() Named {
	if n.IsNameOnly() {
		n.Tag = defaultTag
	}
	return n
}

// WithTag returns the repository with a tag.
func (n Named) WithTag(tag string) (Named, error) {
	if !isTag(tag) {
		return Named{}, errTagFormat
	}
	n.Tag, n.Digest = tag, ""
	return n, nil
}

// WithDigest returns the repository with a digest.
func (n Named) WithDigest(d digest.Digest) Named {
	n.Tag, n.Digest = "", d
	return n
}

// Match tells whether a pattern (path.Match) matches the name in short or full form, with or without tag and digest.
func (n Named) Match(pattern string) (bool, error) {
	for _, name := range []string{n.Familiar(), n.FamiliarName(), n.String(), n.Name()} {
		if ok, err := path.Match(pattern, name); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
