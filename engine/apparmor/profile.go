package apparmor

import (
	"fmt"
	"os"
	"strings"
)

// denied are what a container may not do with files (apparmor.d(5)), whatever its other rights are: what reaches into
// the kernel by /proc and /sys, and mounts. The files of processes, below a number, and those of the container's own
// namespaces stay.
var denied = []string{
	"@{PROC}/* w",
	"@{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w",
	"@{PROC}/sys/[^k]** w",
	"@{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w",
	"@{PROC}/sysrq-trigger rwklx",
	"@{PROC}/kcore rwklx",
	"mount",
	"/sys/[^f]*/** wklx",
	"/sys/f[^s]*/** wklx",
	"/sys/fs/[^c]*/** wklx",
	"/sys/fs/c[^g]*/** wklx",
	"/sys/fs/cg[^r]*/** wklx",
	"/sys/firmware/** rwklx",
	"/sys/devices/virtual/powercap/** rwklx",
	"/sys/kernel/security/** rwklx",
}

// allowed are what is left to the other limits of a container: signals come from outside and go to those of the same
// profile.
var allowed = []string{
	"network", "capability", "file", "umount",
	"signal (receive) peer=unconfined",
	"signal (receive) peer=runc", "signal (receive) peer=crun",
	"signal (send,receive) peer=" + Default,
	"ptrace (trace,read,tracedby,readby) peer=" + Default,
}

// profile is Default as the parser reads it, with what the host's AppArmor gives to every profile.
func (h Host) profile() string {
	var b strings.Builder
	has := func(file string) bool {
		_, err := os.Stat(h.path("etc/apparmor.d/" + file))
		return err == nil
	}
	if has("tunables/global") {
		b.WriteString("#include <tunables/global>\n")
	} else {
		b.WriteString("@{PROC}=/proc/\n")
	}
	fmt.Fprintf(&b, "\nprofile %s flags=(attach_disconnected,mediate_deleted) {\n", Default)
	if has("abstractions/base") {
		b.WriteString("  #include <abstractions/base>\n")
	}
	for _, rule := range allowed {
		fmt.Fprintf(&b, "  %s,\n", rule)
	}
	for _, rule := range denied {
		fmt.Fprintf(&b, "  deny %s,\n", rule)
	}
	b.WriteString("}\n")
	return b.String()
}
