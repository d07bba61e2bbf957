// Package version knows the versions of the API: which are supported, and the fields of requests and replies in each.
package version

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"box/engine/refuse"
)

// Supported versions of the API. The lowest is that of Debian's skopeo.
const (
	Max = "1.56"
	Min = "1.22"
)

// CheckLowest checks a minimum version from the environment.
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

// mustParse parses a constant.
func mustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// Version is the minor number of an API version. The major number is always 1.
type Version int

type versionKey struct{}

// With adds the version of a request to its context.
func With(ctx context.Context, v Version) context.Context {
	return context.WithValue(ctx, versionKey{}, v)
}

// Of returns the version of a request.
func Of(ctx context.Context) Version {
	v, _ := ctx.Value(versionKey{}).(Version)
	return v
}

// OfPath parses and checks the version in a path. "" means the newest one.
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

// Parse parses 1.N. Versions with another major number compare higher or lower than all of these. It returns an
// errdefs.ErrInvalidArgument for anything else.
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
