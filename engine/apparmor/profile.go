package apparmor

import (
	"fmt"
	"os"
	"strings"
)

// denied are the rules about files (apparmor.d(5)) that no container may break: no mounts, and no access to the kernel
// through /proc and /sys. Files of processes, below a number, and of the container's own namespaces are not denied.
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

// allowed are the rights that other mechanisms limit. Signals come from outside, and go to processes with the same
// profile.
var allowed = []string{
	"network", "capability", "file", "umount",
	"signal (receive) peer=unconfined",
	"signal (receive) peer=runc", "signal (receive) peer=crun",
	"signal (send,receive) peer=" + Default,
	"ptrace (trace,read,tracedby,readby) peer=" + Default,
}

// profile returns the source of Default, with what the host's AppArmor includes in every profile.
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
