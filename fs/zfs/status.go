package zfs

import (
	"fmt"
	"os"
	"strconv"
)

// Status implements snapshots.Informer with the lines of Docker's driver.
func (s *datasets) Status() [][2]string {
	pool, health := s.health()
	lines := [][2]string{{"Zpool", pool}, {"Zpool Health", health}, {"Parent Dataset", s.within}}
	p, err := s.dev.Stats(s.within)
	if err != nil {
		return append(lines, [2]string{"Error", err.Error()})
	}
	text := func(name string) string {
		n, _ := p.Number(name)
		return strconv.FormatUint(n, 10)
	}
	quota := "no"
	if n, _ := p.Number("quota"); n != 0 {
		quota = text("quota")
	}
	packed := "off"
	if n, set := p.Number("compression"); set {
		packed = compression(n)
	} else if raw, err := os.ReadFile("/sys/module/zfs/version"); err == nil {
		packed = unsetCompression(string(raw))
	}
	return append(lines, [2]string{"Space Used By Parent", text("used")}, [2]string{"Space Available", text("available")},
		[2]string{"Parent Quota", quota}, [2]string{"Compression", packed})
}

// health returns the pool and how zpool(8) calls its state.
func (s *datasets) health() (pool, state string) {
	pool, p, err := s.dev.Pool(s.within)
	if err != nil {
		return pool, "UNKNOWN"
	}
	states := []string{"UNKNOWN", "OFFLINE", "OFFLINE", "REMOVED", "UNAVAIL", "FAULTED", "DEGRADED",
		"ONLINE"} // vdev_state_t
	if n, ok := p.Number("health"); ok && n < uint64(len(states)) {
		return pool, states[n]
	}
	return pool, "UNKNOWN"
}

// unsetCompression returns the value of the property where nobody has set it, in a version of OpenZFS.
func unsetCompression(version string) string {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n == 2 && (major > 2 || major == 2 && minor >= 2) {
		return "on"
	}
	return "off"
}

// compression returns how zfs(8) calls a value of the property, which has an algorithm and, in ZSTD's, a level.
func compression(n uint64) string {
	const bits, zstd, fast = 7, 16, 102 // SPA_COMPRESSBITS, ZIO_COMPRESS_ZSTD, ZIO_ZSTD_LEVEL_FAST
	known := []string{"inherit", "on", "off", "lzjb", "empty", "gzip-1", "gzip-2", "gzip-3", "gzip-4", "gzip-5", "gzip",
		"gzip-7", "gzip-8", "gzip-9", "zle", "lz4", "zstd"} // enum zio_compress
	algorithm, level := n&(1<<bits-1), n>>bits
	switch {
	case algorithm >= uint64(len(known)):
		return strconv.FormatUint(n, 10)
	case algorithm != zstd || level == 0:
		return known[algorithm]
	case level <= fast:
		return "zstd-" + strconv.FormatUint(level, 10)
	}
	steps := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 500, 1000}
	if at := level - fast; at > 1 && at < uint64(len(steps)) {
		return "zstd-fast-" + strconv.Itoa(steps[at])
	}
	return "zstd-fast"
}

// Folders implements snapshots.Informer with what Docker's driver tells of a dataset.
func (s *datasets) Folders(path string) map[string]string {
	return map[string]string{"Dataset": s.name(path), "Mountpoint": path}
}

// Close implements snapshots.Informer.
func (s *datasets) Close() error { return s.dev.Close() }
