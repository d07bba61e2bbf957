package network

import "sync"

// SparedPorts are the fixed host ports of containers that are about to be started together. Those of the containers
// that take any port must not take these.
type SparedPorts struct {
	mu    sync.Mutex
	count map[sparedPort]int
}

type sparedPort struct {
	proto string
	host  uint16
}

// Has tells whether a port is spared.
func (s *SparedPorts) Has(proto string, host uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[sparedPort{proto, host}] > 0
}

// Spare keeps the fixed ones of ports from others until free is called.
func (s *SparedPorts) Spare(ports []Port) (free func()) {
	add := func(n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count == nil {
			s.count = map[sparedPort]int{}
		}
		for _, p := range ports {
			if p.Host == 0 || p.HostEnd > p.Host {
				continue
			}
			key := sparedPort{p.Proto, p.Host}
			if s.count[key] += n; s.count[key] == 0 {
				delete(s.count, key)
			}
		}
	}
	add(1)
	return func() { add(-1) }
}
