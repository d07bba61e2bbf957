// Package mount has mounts as values, the calls that make and undo them, and the list of what is mounted.
package mount

// Mount is a call of mount(2) that a storage driver returns and the engine makes.
type Mount struct {
	Type    string   // file system: overlay, bind, zfs, ...
	Source  string   // device or folder; what the type makes of it
	Target  string   // where, absolute
	Options []string // as in fstab: flags by name, the rest is data for the file system
	Dir     string   // where relative paths in Options start, "" when there are none
}
