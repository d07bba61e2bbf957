package task

// Runtimes that start containers.
const (
	Box  = "box"  // box's own, run by a copy of the keeper
	Runc = "runc" // runc's libcontainer

	shim = "io.containerd.runc.v2" // containerd's name for runc, which some clients use
)

// Runtimes lists the names that a user may give, the default first.
func Runtimes() []string { return []string{Box, Runc, shim} }

// Runtime returns the runtime for a name from Runtimes.
func Runtime(name string) (runtime string, known bool) {
	switch name {
	case Box, Runc:
		return name, true
	case shim:
		return Runc, true
	}
	return "", false
}
