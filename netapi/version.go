package netapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// The versions of the API that are spoken. The lowest is that of Debian's skopeo.
const (
	MaxVersion = "1.56"
	MinVersion = "1.22"
)

// CheckLowest refuses what cannot be the lowest version that a server speaks.
func CheckLowest(s string) error {
	v, err := parseVersion(s)
	if err == nil && (v < mustVersion(MinVersion) || v > mustVersion(MaxVersion)) {
		err = refused(fmt.Sprintf("%s is not from %s to %s", s, MinVersion, MaxVersion))
	}
	if err != nil {
		return fmt.Errorf("DOCKER_MIN_API_VERSION: %w", err)
	}
	return nil
}

// mustVersion reads a version that is known to be one.
func mustVersion(s string) apiVersion {
	v, err := parseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// apiVersion is the minor number of a version of the API; the major one is 1 in all of them.
type apiVersion int

type versionKey struct{}

// versionOf is the version that a request is made in.
func versionOf(ctx context.Context) apiVersion {
	v, _ := ctx.Value(versionKey{}).(apiVersion)
	return v
}

// requestVersion reads the version in a path, at least lowest; "" is the newest.
func requestVersion(s, lowest string) (apiVersion, error) {
	if s == "" {
		s = MaxVersion
	}
	v, err := parseVersion(s)
	if err != nil {
		return 0, err
	}
	switch {
	case v > mustVersion(MaxVersion):
		return 0, refused(fmt.Sprintf("client version %s is too new. Maximum supported API version is %s", s, MaxVersion))
	case v < mustVersion(lowest):
		return 0, refused(fmt.Sprintf("client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version", s, lowest))
	}
	return v, nil
}

func parseVersion(s string) (apiVersion, error) {
	major, minor, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(minor)
	if m, merr := strconv.Atoi(major); err != nil || merr != nil || n < 0 {
		return 0, refused(fmt.Sprintf("invalid API version %q", s))
	} else if m != 1 {
		n = 10000 * (m - 1)
	}
	return apiVersion(n), nil
}
