package ident

import (
	"regexp"
	"testing"
)

func TestNew(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{64}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := New()
		if !form.MatchString(id) || seen[id] || regexp.MustCompile(`^[0-9]{12}`).MatchString(id) {
			t.Fatal(id)
		}
		seen[id] = true
	}
	if Short("0123456789abcdef") != "0123456789ab" || Short("abc") != "abc" || Short("") != "" {
		t.Error("short")
	}
	if id := UUID(); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Error(id)
	}
}

// TestName: names are Docker's form, and one that is taken is never given, however many are.
func TestName(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+_[a-z]+[0-9]*$`)
	taken := map[string]bool{}
	for range 5000 {
		name := Name(func(n string) bool { return taken[n] })
		if !form.MatchString(name) || taken[name] {
			t.Fatal(name)
		}
		taken[name] = true
	}
	tries := 0
	if name := Name(func(string) bool { tries++; return tries < 9 }); tries != 9 ||
		!regexp.MustCompile(`[0-9]$`).MatchString(name) {
		t.Error(name, tries)
	}
}
