package task

// Runtimes that make containers.
const (
	Box  = "box"  // steps that a copy of the keeper carries out
	Runc = "runc" // runc's libcontainer

	shim = "io.containerd.runc.v2" // what clients that think of containerd call runc
)

// Runtimes are all names that a user may give, the default's first.
func Runtimes() []string { return []string{Box, Runc, shim} }

// Runtime is what makes containers by a name of Runtimes.
func Runtime(name string) (runtime string, known bool) {
	switch name {
	case Box, Runc:
		return name, true
	case shim:
		return Runc, true
	}
	return "", false
}
