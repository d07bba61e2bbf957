package runc

// These reasons are shared by several differences.
const (
	masks = "box covers a file with the host's null device, read-only: its mode and owner are the host's, and " +
		"nothing of the container's is needed for it"
	runcMask = "runc covers a file with the null device that it made in the container, which may be written to"
	names    = "the name of the source is what each likes it to be: it means nothing for this kind of file system"
	strict   = "box and runc keep nosuid, nodev and noexec of /proc on what they make read-only in it; crun sets the " +
		"one flag"
	hybrid = "crun runs here where the tree of cgroup v2 beside those of v1 is unmounted: it does not work with both"
	empty  = "a folder is covered with an empty tmpfs: of one page that cannot be filled in box and runc, read-only " +
		"in itself, of the least size in crun"
	ignored = "what is ignored by who started the keeper: box sets all signals to their defaults, runc and crun pass " +
		"it on"
	streams = "box and runc give the streams to the program's user, crun to its group too"
)

// differences are what may differ between box and the other two runtimes, each with its reason.
var differences = []difference{
	{line: `box: mount \S+ of /null: ro,.* devtmpfs \S+ .*`, reason: masks},
	{line: `runc: mount \S+ of /null: rw,nosuid  tmpfs .*`, reason: runcMask},
	{specs: ".*user namespace.*", line: `runc: mount \S+ of /null: rw,relatime  devtmpfs .*`,
		reason: "the host's here: none can be made in a user namespace"},
	{line: `crun: mount \S+ of /null: rw,.* devtmpfs .*`,
		reason:    "crun covers a file with the host's null device, which root of the container may then change",
		sometimes: true},

	{line: `box: mount /sys/fs/cgroup/\w+ of (/|GROUP/ID): .* cgroup2? .*`, reason: names, sometimes: true},
	{line: `(runc|crun): mount /sys/fs/cgroup/\w+ of (/|GROUP/ID): .* cgroup \S+ .*`, reason: names, sometimes: true},
	{line: `box: mount /sys/fs/cgroup of /: ro,.* tmpfs tmpfs .*`,
		reason: "the folder of the hierarchies is read-only if they are, as runc's documentation says", sometimes: true},
	{line: `runc: mount /sys/fs/cgroup of /: rw,.* tmpfs tmpfs .*`,
		reason: "runc leaves the folder of the hierarchies writable", sometimes: true},
	{line: `crun: mount /sys/fs/cgroup of /: rw,.* tmpfs cgroup .*`,
		reason: "crun leaves the folder of the hierarchies writable", sometimes: true},
	{line: `box, not crun: mount /sys/fs/cgroup of /: rw,.* tmpfs tmpfs .*`, reason: names, sometimes: true},
	{line: `(box, not crun|crun): mount /sys/fs/cgroup of /: r[ow],.* cgroup2 .*`, reason: names, sometimes: true},
	{line: `(box, not crun|crun): limit cpu.weight: \d+`, sometimes: true,
		reason: "crun of 2023 turns shares into a weight by the old formula, box and runc by that of 2025"},
	{line: `(box, not crun|crun): limit 8 .*`, sometimes: true,
		reason: "crun lifts the limit of locked memory to load the filter of devices of cgroup v2, and leaves it so"},
	{specs: ".*user namespace.*", line: `(box, not crun|crun): groups /sys/fs/cgroup/(cgroup|memory)\.\S+ .*`,
		sometimes: true,
		reason:    "crun gives the files that the kernel delegates to the root of the user namespace"},
	{line: `box: groups /sys/fs/cgroup/unified .*`,
		reason: "box shows a tree of cgroup v2 that is mounted beside those of v1, as the host has it", sometimes: true},
	{line: `crun: groups /sys/fs/cgroup/net_(cls|prio) .*`, reason: "crun makes these links on every host",
		sometimes: true},
	{line: `crun: groups /sys/fs/cgroup/box .*`,
		reason:    "crun shows a hierarchy that is mounted nowhere: that by which a keeper on this host favours moves",
		sometimes: true},
	{line: `(box, not crun|crun): (in group  |cgroup 0::).*`, reason: hybrid, sometimes: true},
	{line: `box: status SigIgn:.*`, reason: ignored, sometimes: true},
	{line: `(runc|crun): status SigIgn:.*`, reason: ignored, sometimes: true},

	{line: `box, not crun: mount /(sys|proc)\S* of \S+: ro,nosuid,nodev,noexec,relatime  (proc|sysfs) .*`, reason: strict},
	{line: `crun: mount /proc/\S+ of \S+: ro,relatime  proc .*`, reason: strict},
	{line: `crun: mount /sys of /: ro,nosuid,nodev,noexec,relatime  sysfs sysfs rw`,
		reason: "box and runc mount the file system itself read-only, crun makes the mount so"},
	{line: `(box, not crun|crun): mount \S+ of /: ro,relatime  tmpfs tmpfs .*`, reason: empty},
	{line: `crun: dev /dev/core .*`, reason: "box and runc link /dev/core where there is a /proc/kcore", sometimes: true},
	{line: `(box, not crun: mount /dev/console of /0: rw,nosuid,noexec|crun: mount /dev/console of /0: rw),relatime  devpts .*`,
		reason: "the terminal at /dev/console has the flags of the file system that it is bound from in box and runc"},
	{line: `(box, not crun|crun): call none (38|1)`,
		reason: "to calls that are newer than all in a profile box and runc answer that there are none; crun gives the " +
			"profile's error"},
	{line: `(box, not crun|crun): call newest \d+`,
		reason: "Debian's libseccomp, by which crun makes its filter, does not know the newest calls", sometimes: true},
	{line: `(box, not crun|crun): descriptor [012] type 10000 .*`, reason: streams},
	{line: `(box, not crun|crun): descriptor [012] type 20000 .* flags 8?0?002`,
		reason: "box and runc open the terminal with a flag that means nothing once the program runs"},

	{specs: "exec.*", line: `(box, not crun|crun): terminal session leader [01], group leader [01]`,
		reason: "a further program begins a session of its own in box and runc"},
	{specs: "exec with a terminal", line: `(box, not crun|crun): terminal size .*`, sometimes: true,
		reason: "crun sets the size of a further program's terminal when that runs already"},
	{line: `(box, not crun|crun): keyring .*`,
		reason: "crun names the ring of keys by the container alone, and lets others of its owner look for it no less"},
	{specs: "exec.*", line: `(box, not crun|crun): oom .*`,
		reason: "crun leaves a further program the score that crun has"},
	{specs: "tmpfs", line: `(box, not crun|crun): mount /(tmp|deep/er) of /: .* tmpfs tmpfs .*`,
		reason: "box and runc give a tmpfs the mode of the folder that it covers"},
	{specs: "tmpfs", line: `(box, not crun|crun): path /tmp mode .*`, reason: "the same", sometimes: true},
	{specs: "binds", line: `(box, not crun|crun): mount /b/\S+ of DIR/source/\S+: .*`,
		reason: "a bind without a propagation of its own follows the host in box and runc"},
	{specs: ".*user namespace.*", line: `(box, not crun|crun): mount /dev/\w+ of /\w+: rw,.* devtmpfs .*`,
		reason: "crun adds nosuid and noexec to the host's devices that it binds"},
	{specs: ".*user namespace.*", line: `(box, not runc|runc): dev /dev/mqueue .*`,
		reason: "runc mounts before it has a group of the namespace"},
}
