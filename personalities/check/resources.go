package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/drivers"
)

// existing returns the nearest existing folder on the path of the data root.
func (h host) existing() string {
	dir := filepath.Clean(h.dataRoot)
	for dir != "/" {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// storage tries the storage drivers on the data root: the first that works is used.
func storage(h host) (found []finding) {
	dir := h.existing()
	if h.uid != 0 {
		return []finding{ok("storage drivers: %s; not tested, which needs root", strings.Join(drivers.Names(), ", "))}
	}
	probed := drivers.Probe(dir)
	best := probed[0]
	if errors.Is(best.Err, os.ErrPermission) || errors.Is(best.Err, unix.EROFS) {
		return []finding{{fatal, fmt.Sprintf("%s is not writable: %v", dir, best.Err),
			"there is no place for images and containers",
			"use a writable folder for --data-root"}}
	}
	for i, p := range probed {
		switch {
		case p.Err == nil:
			found = append(found, ok("storage driver %s works on %s", p.Name, dir))
		case i == 0:
			found = append(found, finding{worse, fmt.Sprintf("storage driver %s does not work on %s: %v", p.Name, dir, p.Err),
				instead(probed), "use ext4 or xfs (with ftype=1) for the data root, and load the kernel module overlay"})
		default:
			found = append(found, ok("storage driver %s does not work on %s: %v", p.Name, dir, p.Err))
		}
	}
	return found
}

// instead says which driver is used as the best one does not work.
func instead(probed []drivers.Probed) string {
	for _, p := range probed {
		switch {
		case p.Err != nil:
		case p.Name == "vfs":
			return "the driver vfs is used, which copies the whole image for each container"
		default:
			return "the driver " + p.Name + " is used"
		}
	}
	return "no driver works"
}

// Free space in bytes, and free files, below which there is a warning.
const (
	littleSpace = 2 << 30
	smallSpace  = 64 << 20
	noSpace     = 2 << 20 // less than the state takes
	fewFiles    = 10_000
)

func space(h host) []finding {
	dir := h.existing()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return []finding{{fatal, fmt.Sprintf("%s: %v", dir, err), "there is no place for images and containers",
			"use another --data-root"}}
	}
	free := st.Bavail * uint64(st.Bsize)
	what := fmt.Sprintf("%d MiB and %d files free at %s", free>>20, st.Ffree, dir)
	const remedy = "free space, or use another disk for --data-root"
	switch {
	case free < noSpace:
		return []finding{{fatal, what, "there is no space for the daemon's state", remedy}}
	case free < smallSpace:
		return []finding{{worse, what, "only one or two small images fit", remedy}}
	case free < littleSpace:
		return []finding{{worse, what, "a few images will fill the disk", remedy}}
	case st.Files > 0 && st.Ffree < fewFiles:
		return []finding{{worse, what, "an image may have more files than that", remedy}}
	}
	return []finding{ok("%s", what)}
}

func networking(h host) []finding {
	if h.uid != 0 {
		return nil
	}
	s := h.network()
	var found []finding
	for _, row := range []struct {
		err  error
		good string
		bad  finding
	}{
		{s.Namespaces, "network namespaces",
			finding{fatal, "no network namespaces", "containers cannot have a network of their own",
				"boot a kernel with CONFIG_NET_NS"}},
		{s.Bridges, "bridges and veth pairs", finding{worse, "no bridges or veth pairs",
			"containers run with --network host or none only", "load the kernel modules bridge and veth"}},
		{s.NAT, "nf_tables with NAT", finding{worse, "no NAT by nf_tables",
			"containers cannot reach other networks, and a process forwards published ports",
			"load the kernel modules nf_tables, nft_chain_nat, nft_masq, nft_nat and nft_fib_ipv4"}},
	} {
		if row.err == nil {
			found = append(found, ok("%s", row.good))
			continue
		}
		row.bad.what += ": " + row.err.Error()
		found = append(found, row.bad)
	}
	return found
}

func forwarding(h host) []finding {
	now, err := h.read("proc/sys/net/ipv4/ip_forward")
	const name = "IPv4 forwarding"
	switch {
	case err != nil:
		return []finding{{worse, name + " cannot be read: " + err.Error(), "containers cannot reach other networks",
			"mount /proc, or boot a kernel with CONFIG_INET"}}
	case now == "1":
		return []finding{ok("%s is enabled", name)}
	case unix.Access(filepath.Join(h.root, "proc/sys/net/ipv4/ip_forward"), unix.W_OK) != nil:
		return []finding{{worse, name + " is disabled and cannot be enabled", "containers cannot reach other networks",
			"set net.ipv4.ip_forward=1"}}
	}
	return []finding{ok("%s is disabled; the daemon enables it", name)}
}
