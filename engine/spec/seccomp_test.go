package spec

import (
	"bytes"
	"testing"

	"box/engine/seccomp"
)

const denyRead = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO"}]}`

// TestFilters: a container has the filter of its profile and its capabilities, and a second one the same.
func TestFilters(t *testing.T) {
	var filters Filters
	seen := map[*seccomp.Filter]string{}
	for _, row := range []struct {
		name, host, daemons string
		filtered            bool
	}{
		{"default", `{}`, "", true},
		{"more capabilities", `{"CapAdd":["SYS_ADMIN"]}`, "", true},
		{"fewer", `{"CapDrop":["ALL"]}`, "", true},
		{"unconfined", `{"SecurityOpt":["seccomp=unconfined"]}`, "", false},
		{"own", `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_LOG\"}"]}`, denyRead, true},
		{"the daemon's", `{}`, denyRead, true},
		{"the daemon's is none", `{}`, "unconfined", false},
		{"privileged", `{"Privileged":true}`, "", false},
		{"privileged, and a daemon's", `{"Privileged":true}`, denyRead, false},
		{"privileged with its own", `{"Privileged":true,"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_TRAP\"}"]}`, "",
			true},
		{"a profile that says nothing", `{"SecurityOpt":["seccomp={}"]}`, "", false},
	} {
		in := input(t, row.host)
		var err error
		if in.Security, err = (Security{Seccomp: row.daemons}).With(in.Host.SecurityOpt); err != nil {
			t.Fatal(err)
		}
		s, err := Build(in)
		if err != nil {
			t.Fatal(err)
		}
		f, err := filters.Of(in.Security, in.Host.Privileged, s.Process.Capabilities.Bounding)
		if err != nil || (f != nil) != row.filtered || s.Linux.Seccomp != nil {
			t.Errorf("%s: %v, %v, %v", row.name, f, s.Linux.Seccomp, err)
			continue
		}
		again, err := filters.Of(in.Security, in.Host.Privileged, s.Process.Capabilities.Bounding)
		if again != f || err != nil {
			t.Errorf("%s: compiled twice, %v", row.name, err)
		}
		if f == nil {
			continue
		}
		if other, there := seen[f]; there {
			t.Errorf("%s has the filter of %s", row.name, other)
		}
		seen[f] = row.name
		p, err := Profile(in.Security, in.Host.Privileged, s.Process.Capabilities.Bounding)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := seccomp.Compile(p); err != nil || !bytes.Equal(want.Program, f.Program) || want.Flags != f.Flags {
			t.Errorf("%s: another program than that of the profile, %v", row.name, err)
		}
	}
	if _, err := filters.Of(Security{Seccomp: "{"}, false, nil); err == nil {
		t.Error("half a profile has a filter")
	}
}

func BenchmarkFilters(b *testing.B) {
	caps, err := AdjustCapabilities(nil, nil, false)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			var filters Filters
			if _, err := filters.Of(Security{}, false, caps); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		var filters Filters
		for b.Loop() {
			if _, err := filters.Of(Security{}, false, caps); err != nil {
				b.Fatal(err)
			}
		}
	})
}
