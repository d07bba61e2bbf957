package mount

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// flag is the effect of an option of fstab(5) on the flags of mount(2).
type flag struct {
	name  string
	clear bool
	bits  uintptr
}

func flags() []flag {
	return []flag{
		{"ro", false, unix.MS_RDONLY},
		{"rw", true, unix.MS_RDONLY},
		{"suid", true, unix.MS_NOSUID},
		{"nosuid", false, unix.MS_NOSUID},
		{"dev", true, unix.MS_NODEV},
		{"nodev", false, unix.MS_NODEV},
		{"exec", true, unix.MS_NOEXEC},
		{"noexec", false, unix.MS_NOEXEC},
		{"async", true, unix.MS_SYNCHRONOUS},
		{"sync", false, unix.MS_SYNCHRONOUS},
		{"dirsync", false, unix.MS_DIRSYNC},
		{"atime", true, unix.MS_NOATIME},
		{"noatime", false, unix.MS_NOATIME},
		{"diratime", true, unix.MS_NODIRATIME},
		{"nodiratime", false, unix.MS_NODIRATIME},
		{"relatime", false, unix.MS_RELATIME},
		{"norelatime", true, unix.MS_RELATIME},
		{"strictatime", false, unix.MS_STRICTATIME},
		{"nostrictatime", true, unix.MS_STRICTATIME},
		{"mand", false, unix.MS_MANDLOCK},
		{"nomand", true, unix.MS_MANDLOCK},
		{"bind", false, unix.MS_BIND},
		{"rbind", false, unix.MS_BIND | unix.MS_REC},
		{"remount", false, unix.MS_REMOUNT},
	}
}

// propagations are the options for propagation; each needs its own call of mount(2).
func propagations() []flag {
	return []flag{
		{"private", false, unix.MS_PRIVATE},
		{"rprivate", false, unix.MS_PRIVATE | unix.MS_REC},
		{"shared", false, unix.MS_SHARED},
		{"rshared", false, unix.MS_SHARED | unix.MS_REC},
		{"slave", false, unix.MS_SLAVE},
		{"rslave", false, unix.MS_SLAVE | unix.MS_REC},
		{"unbindable", false, unix.MS_UNBINDABLE},
		{"runbindable", false, unix.MS_UNBINDABLE | unix.MS_REC},
	}
}

// Parsed is the options of a mount as mount(2) takes them.
type Parsed struct {
	Flags       uintptr
	Propagation uintptr // of a call of its own; 0 for none
	ReadOnlyAll bool    // "rro": mounts below it become read-only too (mount_setattr(2), Linux 5.12)
	Data        string
}

// Parse parses options. Options that are not flags are data for the file system.
func Parse(options []string) Parsed {
	var p Parsed
	var data []string
	known, propagation := flags(), propagations()
next:
	for _, o := range options {
		for _, f := range known {
			if f.name != o {
				continue
			}
			if f.clear {
				p.Flags &^= f.bits
			} else {
				p.Flags |= f.bits
			}
			continue next
		}
		for _, f := range propagation {
			if f.name == o {
				p.Propagation = f.bits
				continue next
			}
		}
		if o == "rro" {
			p.ReadOnlyAll = true
			continue
		}
		if o != "" && o != "defaults" {
			data = append(data, o)
		}
	}
	p.Data = strings.Join(data, ",")
	return p
}

// String describes the call for messages: source, target, flags and data.
func (m Mount) String() string {
	p := Parse(m.Options)
	s := m.Source + ":" + m.Target
	if p.Flags != 0 {
		s += fmt.Sprintf(", flags: 0x%x", p.Flags)
	}
	if p.Data != "" {
		s += ", data: " + p.Data
	}
	return s
}
