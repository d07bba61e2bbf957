package seccomp

import (
	"crypto/sha256"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Cache keeps the filters that were asked for last: most containers of a host have the same one. The zero value is an
// empty cache; it may be used from any goroutine.
type Cache struct {
	mu   sync.Mutex
	kept []kept // the one that was asked for last comes first
}

type kept struct {
	key [sha256.Size]byte
	f   *Filter
}

// maxKept bounds what people's profiles cost: 5 kB each, a program of the greatest length 32 kB.
const maxKept = 16

// Filter is the filter of the profile that key stands for, compiled from what profile gives unless it is kept. Nobody
// may change it. Errors are not kept.
func (c *Cache) Filter(key string, profile func() (*specs.LinuxSeccomp, error)) (*Filter, error) {
	sum := sha256.Sum256([]byte(key))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.kept {
		if k.key == sum {
			copy(c.kept[1:i+1], c.kept[:i])
			c.kept[0] = k
			return k.f, nil
		}
	}
	p, err := profile()
	if err != nil {
		return nil, err
	}
	f, err := Compile(p)
	if err != nil {
		return nil, err
	}
	if len(c.kept) < maxKept {
		c.kept = append(c.kept, kept{})
	}
	copy(c.kept[1:], c.kept)
	c.kept[0] = kept{sum, f}
	return f, nil
}
