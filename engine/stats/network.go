package stats

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// Networks returns the counters of the interfaces that a process sees, without the loopback (proc_net(5),
// /proc/net/dev), or nil if there are none.
func (h Host) Networks(pid int) map[string]container.NetworkStats {
	raw, err := os.ReadFile(filepath.Join(h.Proc, strconv.Itoa(pid), "net/dev"))
	if err != nil {
		return nil
	}
	var all map[string]container.NetworkStats
	for line := range strings.Lines(string(raw)) {
		name, rest, ok := strings.Cut(line, ":")
		w := strings.Fields(rest)
		if name = strings.TrimSpace(name); !ok || name == "lo" || len(w) < 16 {
			continue
		}
		if all == nil {
			all = map[string]container.NetworkStats{}
		}
		all[name] = container.NetworkStats{
			RxBytes: number(w[0]), RxPackets: number(w[1]), RxErrors: number(w[2]), RxDropped: number(w[3]),
			TxBytes: number(w[8]), TxPackets: number(w[9]), TxErrors: number(w[10]), TxDropped: number(w[11]),
		}
	}
	return all
}
