package image

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/refuse"
)

// Platform returns the platform that an image is for.
func (i *Image) Platform() ocispec.Platform {
	return ocispec.Platform{Architecture: i.Config.Architecture, OS: i.Config.OS, OSVersion: i.Config.OSVersion,
		Variant: i.Config.Variant}
}

// HostPlatform returns the platform of this host.
func HostPlatform() ocispec.Platform {
	p := ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	return normal(p)
}

// ParsePlatform reads os[/architecture[/variant]], the form of --platform; omitted parts are the host's.
func ParsePlatform(s string) (ocispec.Platform, error) {
	parts := strings.Split(s, "/")
	p := HostPlatform()
	for _, part := range parts {
		if part == "" || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789_-.") != "" {
			return p, fmt.Errorf("%q is an invalid component of %q: platform specifier component must match "+
				"\"^[A-Za-z0-9_.-]+$\": %w", part, s, errdefs.ErrInvalidArgument)
		}
	}
	switch len(parts) {
	case 1:
		if isArchitecture(parts[0]) {
			p.Architecture, p.Variant = parts[0], ""
		} else {
			p.OS = parts[0]
		}
	case 2, 3:
		p.OS, p.Architecture, p.Variant = parts[0], parts[1], ""
		if len(parts) == 3 {
			p.Variant = parts[2]
		}
	default:
		return p, fmt.Errorf("%q: cannot parse platform specifier: %w", s, errdefs.ErrInvalidArgument)
	}
	return normal(p), nil
}

func isArchitecture(s string) bool {
	p := normal(ocispec.Platform{Architecture: s})
	switch p.Architecture {
	case "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le", "riscv64",
		"s390x":
		return true
	}
	return false
}

// normal maps the names of a platform to the form that images use (image-spec, image-index.md, "Platform Variants").
func normal(p ocispec.Platform) ocispec.Platform {
	p.OS, p.Architecture, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "i386":
		p.Architecture = "386"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	switch {
	case p.Architecture == "amd64" && p.Variant == "v1",
		p.Architecture == "arm64" && (p.Variant == "8" || p.Variant == "v8"):
		p.Variant = ""
	case p.Architecture == "arm" && p.Variant == "":
		p.Variant = "v7"
	case p.Architecture == "arm" && len(p.Variant) == 1:
		p.Variant = "v" + p.Variant
	}
	return p
}

// PlatformString formats a platform as os/architecture[/variant].
func PlatformString(p ocispec.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// sameArchitecture is the lowest score that Suits gives to an image of the requested architecture.
const sameArchitecture = 50

// Suits scores how well an image for have serves want: 0 for not at all, else higher is better. Older variants of arm
// and amd64 run on newer ones, and 32-bit programs run on 64-bit hosts.
func Suits(want, have ocispec.Platform) int {
	want, have = normal(want), normal(have)
	if want.OS != have.OS {
		return 0
	}
	switch {
	case want.Architecture == have.Architecture && want.Variant == have.Variant:
		return 2 * sameArchitecture
	case want.Architecture == "arm64" && have.Architecture == "arm":
		return 1 + variantNumber(have.Variant)
	case want.Architecture == "amd64" && have.Architecture == "386":
		return 1
	case want.Architecture != have.Architecture:
		return 0
	case want.Architecture != "arm" && want.Architecture != "amd64":
		return 0
	}
	w, h := variantNumber(want.Variant), variantNumber(have.Variant)
	if h > w {
		return 0
	}
	return sameArchitecture + h
}

// variantNumber returns 7 for v7, and 1 if there is no number: amd64 without a variant is v1.
func variantNumber(v string) int {
	if len(v) == 2 && v[0] == 'v' && v[1] >= '1' && v[1] <= '9' {
		return int(v[1] - '0')
	}
	return 1
}

// CheckPlatform returns Docker's error if an image, which the user called ref, is not for the requested platform; nil
// accepts any.
func (i *Image) CheckPlatform(ref string, want *ocispec.Platform) error {
	if want == nil || Suits(*want, i.Platform()) >= sameArchitecture {
		return nil
	}
	return refuse.NotFound("image with reference %s was found but its platform (%s) does not match the specified "+
		"platform (%s)",
		ref, PlatformString(i.Platform()), PlatformString(*want))
}

// PlatformWarnings warns if an image's programs may not run on this host.
func (i *Image) PlatformWarnings() []string {
	host := HostPlatform()
	if Suits(host, i.Platform()) >= sameArchitecture {
		return nil
	}
	return []string{fmt.Sprintf("The requested image's platform (%s) does not match the detected host platform (%s) and "+
		"no specific platform was requested",
		PlatformString(i.Platform()), PlatformString(host))}
}
