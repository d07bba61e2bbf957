package authz

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPolicy is the maximum size of a policy file in bytes.
const maxPolicy = 1 << 20

// Right is what a client may do.
type Right int

// The rights, each including those before it.
const (
	Nothing Right = iota
	Read
	All
)

// Policy assigns rights to the names in clients' certificates.
type Policy struct {
	names map[string]Right
	other Right // right of other clients
}

// ReadPolicy reads a file with lines such as
//
//	all anna
//	read monitor
//	read *
//
// where * stands for all names without a line, and for clients on tcp without a certificate. Without such a line, they
// may do nothing.
func ReadPolicy(path string) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("authorization policy: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err == nil && len(raw) > maxPolicy {
		err = fmt.Errorf("longer than %d bytes", maxPolicy)
	}
	var p *Policy
	if err == nil {
		p, err = parsePolicy(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("authorization policy %s: %w", path, err)
	}
	return p, nil
}

func parsePolicy(raw []byte) (*Policy, error) {
	p := &Policy{names: map[string]Right{}}
	star := false
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		word, name, _ := strings.Cut(line, " ")
		name = strings.TrimSpace(name)
		right, ok := map[string]Right{"read": Read, "all": All}[word]
		_, twice := p.names[name]
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf("line %d: expected `read NAME` or `all NAME`", n)
		case twice || name == "*" && star:
			return nil, fmt.Errorf("line %d: there is already a line for %s", n, name)
		case name == "*":
			p.other, star = right, true
		default:
			p.names[name] = right
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, errors.New("a line is too long")
	}
	return p, lines.Err()
}

// Of returns the right of a name; "" stands for a client without a certificate.
func (p *Policy) Of(name string) Right {
	if r, ok := p.names[name]; ok && name != "" {
		return r
	}
	return p.other
}

// Check returns an error if name may not do a request. reads tells whether the request only reads.
func (p *Policy) Check(name string, reads bool) error {
	who := fmt.Sprintf("the client %q", name)
	if name == "" {
		who = "a client without a certificate"
	}
	switch p.Of(name) {
	case All:
		return nil
	case Read:
		if reads {
			return nil
		}
		return denied{"authorization denied by policy: " + who + " may only read"}
	}
	return denied{"authorization denied by policy: " + who + " may do nothing"}
}
