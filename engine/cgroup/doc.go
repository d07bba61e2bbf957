// Package cgroup holds the control groups of containers: it mounts the file systems where a host has not, makes
// groups with the limits of the OCI runtime spec, freezes them, and empties groups whose owner is gone.
//
// That a container with a limit is out of memory is watched by dockerd in its control group (engine/cgroup/oom.go): an
// eventfd of v1, the counts of v2. The end of its program ends the watch first, so that oom comes before die.
package cgroup
