package dockerd

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"box/certs"
	"box/engine/stats/sample"
)

// memoryEvery is how often the memory of the daemon is measured, for which the kernel walks all of its pages.
const memoryEvery = time.Minute

// self is what the daemon tells the monitor of itself. It is for one goroutine.
type self struct {
	secure *certs.Server // nil without TLS
	keeper string        // socket

	pid      int // of the keeper, 0 while it is not known
	memory   uint64
	measured time.Time
}

// describe adds it to a measurement of the host.
func (s *self) describe(h *sample.Host) {
	if s.secure != nil {
		h.CertEnds = s.secure.Ends()
	}
	if now := time.Now(); now.Sub(s.measured).Abs() >= memoryEvery {
		s.measured, s.memory = now, s.shares()
	}
	h.Daemon.Memory = s.memory
}

// shares returns what daemon and keeper take of the memory, in bytes.
func (s *self) shares() uint64 {
	own := proportional(os.Getpid())
	if size := proportional(s.pid); size > 0 {
		return own + size
	}
	s.pid = listener(s.keeper)
	return own + proportional(s.pid)
}

// proportional returns the proportional set size of a process in bytes, 0 for one that there is not
// (Documentation/filesystems/proc.rst). Before Linux 4.14 it is the resident set.
func proportional(pid int) uint64 {
	if pid == 0 {
		return 0
	}
	dir := "/proc/" + strconv.Itoa(pid)
	raw, err := os.ReadFile(dir + "/smaps_rollup")
	if err != nil {
		raw, _ = os.ReadFile(dir + "/status") // without either it takes nothing
	}
	for _, key := range []string{"Pss:", "VmRSS:"} {
		for line := range bytes.Lines(raw) {
			if rest, ok := strings.CutPrefix(string(line), key); ok {
				kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
				n, _ := strconv.ParseUint(kilobytes, 10, 64)
				return n << 10
			}
		}
	}
	return 0
}
