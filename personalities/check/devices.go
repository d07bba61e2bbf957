package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// deviceFiles are the devices that box opens on the host, and the consequences if they are missing.
var deviceFiles = [...]struct {
	name         string
	major, minor uint32
	grade        grade
	consequence  string
}{
	{"null", 1, 3, fatal, "programs in containers get no standard streams"},
	{"zero", 1, 5, worse, "containers have no /dev/zero"},
	{"full", 1, 7, worse, "containers have no /dev/full"},
	{"random", 1, 8, worse, "containers have no /dev/random"},
	{"urandom", 1, 9, worse, "containers have no /dev/urandom"},
	{"tty", 5, 0, worse, "containers have no /dev/tty"},
	{"ptmx", 5, 2, worse, "containers have no terminal (-t)"},
}

// devices checks the files in /dev that containers get or that a start opens.
func devices(h host) []finding {
	var missing []string
	worst := finding{remedy: "mount -t devtmpfs devtmpfs /dev, or mknod -m 666 /dev/NAME c MAJOR MINOR"}
	for _, d := range deviceFiles {
		var st unix.Stat_t
		err := unix.Stat(filepath.Join(h.root, "dev", d.name), &st)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(d.major, d.minor) {
			continue
		}
		missing = append(missing, "/dev/"+d.name)
		if d.grade > worst.grade {
			worst.grade, worst.consequence = d.grade, d.consequence
		}
	}
	if len(missing) > 0 {
		worst.what = "missing, or another device: " + strings.Join(missing, " ")
		return []finding{worst}
	}
	found := []finding{ok("devices in /dev")}
	if info, err := os.Stat(filepath.Join(h.root, "dev/pts/ptmx")); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		found = append(found, finding{worse, "/dev/pts is not mounted", "containers have no terminal (-t)",
			fmt.Sprintf("mkdir -p %[1]s && mount -t devpts devpts %[1]s", filepath.Join(h.root, "dev/pts"))})
	}
	return found
}
