package seccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What follows is for the package that stands in for libseccomp (libseccomp, the folder): libcontainer adds by itself
// what this package does for newer system calls.

// Bare is the program of a profile as libseccomp compiles it: every call that no rule is for has the profile's own
// verdict, however new it is.
func Bare(p *specs.LinuxSeccomp) ([]byte, error) {
	r, err := read(p)
	if err != nil {
		return nil, err
	}
	r.enosys = false
	program, err := r.compile()
	if err != nil {
		return nil, err
	}
	return encode(program), nil
}

// Level tells what the kernel can do, in the first four of libseccomp's levels (seccomp_api_get(3)).
func Level() uint { return apiLevel() }

// Place is where the system call of that name is in the table of those that are known.
func Place(name string) (place int, known bool) { return find(name) }

// Name is the reverse of Place.
func Name(place int) (name string, known bool) {
	if t := table(); place >= 0 && place < len(t) {
		return t[place].name, true
	}
	return "", false
}

// Number is a system call's number on an architecture, with the bit that marks those of x32.
func Number(place int, a specs.Arch) (n uint32, there bool) {
	column, known := archOf(a)
	if !known || column == foreign || table()[place].num[column] == absent {
		return 0, false
	}
	n = uint32(table()[place].num[column])
	if column == x32 {
		n |= x32Bit
	}
	return n, true
}
