// Package cgroup manages the control groups of containers: it mounts the file systems if the host has not, makes
// groups with the limits of the OCI runtime spec, freezes them, and clears groups whose owner is gone.
//
// WatchOOM (oom.go) watches whether a container runs out of memory: by an eventfd on v1, by inotify on v2. When its
// program ends, the watch is closed first, so that the event oom comes before die.
package cgroup
