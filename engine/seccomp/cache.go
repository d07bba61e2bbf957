package seccomp

import (
	"crypto/sha256"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Cache keeps the filters used last, since most containers of a host have the same one. The zero value is an empty
// cache. It may be used by several goroutines.
type Cache struct {
	mu   sync.Mutex
	kept []kept // the one that was asked for last comes first
}

type kept struct {
	key [sha256.Size]byte
	f   *Filter
}

// maxKept limits the memory for users' profiles: 5 kB each, or 32 kB for a program of maximum length.
const maxKept = 16

// Filter returns the filter for key, and compiles the result of profile if it is not in the cache. It must not be
// changed. Errors are not cached.
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
