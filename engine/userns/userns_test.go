package userns

import (
	"os"
	"strings"
	"testing"

	"box/fs"
)

func TestNewAndJoin(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("maps of ids need root")
	}
	ids := fs.IDMaps{
		UIDs: []fs.IDMap{{Container: 0, Host: 200000, Size: 10}, {Container: 10, Host: 300000, Size: 5}},
		GIDs: []fs.IDMap{{Container: 0, Host: 400000, Size: 20}},
	}
	first, err := New(ids)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := Join(first.User())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, h := range []*Holder{first, second} {
		raw, err := os.ReadFile(h.path("uid_map"))
		if got := strings.Join(strings.Fields(string(raw)), " "); err != nil || got != "0 200000 10 10 300000 5" {
			t.Errorf("uid_map: %q, %v", got, err)
		}
		raw, err = os.ReadFile(h.path("gid_map"))
		if got := strings.Join(strings.Fields(string(raw)), " "); err != nil || got != "0 400000 20" {
			t.Errorf("gid_map: %q, %v", got, err)
		}
	}
	link := func(p string) string {
		s, err := os.Readlink(p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if link(first.User()) != link(second.User()) {
		t.Error("the second is in a user namespace of its own")
	}
	if link(first.Network()) == link(second.Network()) || link(first.Network()) == link("/proc/self/ns/net") {
		t.Error("a network namespace is shared")
	}
}

func TestRefused(t *testing.T) {
	if _, err := Join("/proc/self/ns/net"); err == nil {
		t.Error("joined a network namespace as one of users")
	}
	if _, err := Join("/nothing"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	if _, err := New(fs.IDMaps{UIDs: []fs.IDMap{{Size: -1}}, GIDs: []fs.IDMap{{Size: 1}}}); err == nil {
		t.Error("a map of no ids was taken")
	}
}
