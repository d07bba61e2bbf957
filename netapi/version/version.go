// Package version has what the versions of the API differ in: which are spoken, the fields that requests and replies
// have in each.
package version

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"box/engine/refuse"
)

// The versions of the API that are spoken. The lowest is that of Debian's skopeo.
const (
	Max = "1.56"
	Min = "1.22"
)

// CheckLowest refuses what cannot be the lowest version that a server speaks.
func CheckLowest(s string) error {
	v, err := Parse(s)
	if err == nil && (v < mustParse(Min) || v > mustParse(Max)) {
		err = refuse.Invalid("%s is not from %s to %s", s, Min, Max)
	}
	if err != nil {
		return fmt.Errorf("DOCKER_MIN_API_VERSION: %w", err)
	}
	return nil
}

// mustParse reads a version that is known to be one.
func mustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// Version is the minor number of a version of the API; the major one is 1 in all of them.
type Version int

type versionKey struct{}

// With is ctx of a request that is made in a version.
func With(ctx context.Context, v Version) context.Context {
	return context.WithValue(ctx, versionKey{}, v)
}

// Of is the version that a request is made in.
func Of(ctx context.Context) Version {
	v, _ := ctx.Value(versionKey{}).(Version)
	return v
}

// OfPath reads the version in a path, at least lowest; "" is the newest.
func OfPath(s, lowest string) (Version, error) {
	if s == "" {
		s = Max
	}
	v, err := Parse(s)
	if err != nil {
		return 0, err
	}
	switch {
	case v > mustParse(Max):
		return 0, refuse.Invalid("client version %s is too new. Maximum supported API version is %s", s, Max)
	case v < mustParse(lowest):
		return 0, refuse.Invalid("client version %s is too old. Minimum supported API version is %s, please upgrade your "+
			"client to a newer version", s, lowest)
	}
	return v, nil
}

// Parse reads 1.N; another major version is above, or below, all of them. What is no number is an
// errdefs.ErrInvalidArgument.
func Parse(s string) (Version, error) {
	major, minor, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(minor)
	if m, merr := strconv.Atoi(major); err != nil || merr != nil || n < 0 {
		return 0, refuse.Invalid("invalid API version %q", s)
	} else if m != 1 {
		n = 10000 * (m - 1)
	}
	return Version(n), nil
}
