// Package digest is content by its hash: algorithm:hexadecimal, as the OCI image specification writes it (descriptor.md, Digests).
//
// It stands in for github.com/opencontainers/go-digest, whose name it has, with the part of that which box and the types of its API use.
// The library compiles regular expressions whenever a program starts, and box starts several times for a container.
package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// What is wrong with a digest.
var (
	ErrDigestInvalidFormat = errors.New("invalid checksum digest format")
	ErrDigestInvalidLength = errors.New("invalid checksum digest length")
	ErrDigestUnsupported   = errors.New("unsupported digest algorithm")
)

// Algorithm is a way to hash.
type Algorithm string

// The algorithms that are known.
const (
	SHA256    Algorithm = "sha256"
	SHA384    Algorithm = "sha384"
	SHA512    Algorithm = "sha512"
	Canonical           = SHA256
)

// Digest is an algorithm and what it makes of some content. As a string it may hold anything: Validate tells.
type Digest string

// Digester makes a digest of what is written to its hash.
type Digester interface {
	Hash() hash.Hash
	Digest() Digest
}

type digester struct {
	algorithm Algorithm
	hash      hash.Hash
}

func (d digester) Hash() hash.Hash { return d.hash }
func (d digester) Digest() Digest  { return NewDigest(d.algorithm, d.hash) }

// Size is how many bytes the algorithm makes, 0 for one that is not known.
func (a Algorithm) Size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA384:
		return sha512.Size384
	case SHA512:
		return sha512.Size
	}
	return 0
}

// Available tells whether the algorithm is known.
func (a Algorithm) Available() bool { return a.Size() > 0 }

func (a Algorithm) String() string { return string(a) }

// Hash begins to hash. An algorithm that is not known is a mistake of the caller's.
func (a Algorithm) Hash() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	panic(fmt.Sprintf("hash of an algorithm that is not known: %q", string(a)))
}

// Digester begins to make a digest.
func (a Algorithm) Digester() Digester { return digester{a, a.Hash()} }

// FromBytes is the digest of b.
func (a Algorithm) FromBytes(b []byte) Digest {
	h := a.Hash()
	h.Write(b)
	return NewDigest(a, h)
}

// FromReader is the digest of what r gives until its end.
func (a Algorithm) FromReader(r io.Reader) (Digest, error) {
	h := a.Hash()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return NewDigest(a, h), nil
}

// Validate says what is wrong with the second part of a digest.
func (a Algorithm) Validate(encoded string) error {
	switch {
	case !a.Available():
		return ErrDigestUnsupported
	case len(encoded) != 2*a.Size():
		return ErrDigestInvalidLength
	case strings.Trim(encoded, "0123456789abcdef") != "":
		return ErrDigestInvalidFormat
	}
	return nil
}

// NewDigest is the digest that h has come to.
func NewDigest(a Algorithm, h hash.Hash) Digest {
	return NewDigestFromEncoded(a, hex.EncodeToString(h.Sum(nil)))
}

// NewDigestFromEncoded puts the parts together.
func NewDigestFromEncoded(a Algorithm, encoded string) Digest {
	return Digest(string(a) + ":" + encoded)
}

// FromBytes is the digest of b by the usual algorithm.
func FromBytes(b []byte) Digest { return Canonical.FromBytes(b) }

// FromString is FromBytes of a string.
func FromString(s string) Digest { return Canonical.FromBytes([]byte(s)) }

// FromReader is the digest of what r gives by the usual algorithm.
func FromReader(r io.Reader) (Digest, error) { return Canonical.FromReader(r) }

// Parse takes what Validate has nothing against.
func Parse(s string) (Digest, error) { return Digest(s), Digest(s).Validate() }

// Validate says what is wrong.
func (d Digest) Validate() error {
	algorithm, encoded, ok := strings.Cut(string(d), ":")
	switch {
	case !ok || algorithm == "" || encoded == "":
		return ErrDigestInvalidFormat
	case Algorithm(algorithm).Available():
		return Algorithm(algorithm).Validate(encoded)
	case !wellFormed(algorithm, encoded):
		return ErrDigestInvalidFormat
	}
	return ErrDigestUnsupported
}

const (
	lowerDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
	lettersMore = lowerDigits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ=_-"
)

// wellFormed tells whether the parts are as the specification's grammar has them: components of lower-case letters and digits with one
// of +._- between them, and a second part of letters, digits, =, _ and -.
func wellFormed(algorithm, encoded string) bool {
	component := false
	for _, c := range []byte(algorithm) {
		switch {
		case strings.IndexByte(lowerDigits, c) >= 0:
			component = true
		case component && strings.IndexByte("+._-", c) >= 0:
			component = false
		default:
			return false
		}
	}
	return component && strings.Trim(encoded, lettersMore) == ""
}

// Algorithm is the first part. A digest without two parts is a mistake of the caller's, who has not validated it.
func (d Digest) Algorithm() Algorithm { return Algorithm(d[:d.separator()]) }

// Encoded is the second part.
func (d Digest) Encoded() string { return string(d[d.separator()+1:]) }

func (d Digest) String() string { return string(d) }

func (d Digest) separator() int {
	i := strings.IndexByte(string(d), ':')
	if i < 0 {
		panic(fmt.Sprintf("no ':' separator in digest %q", string(d)))
	}
	return i
}
