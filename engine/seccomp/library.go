package seccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The rest is for the package that replaces libseccomp (the folder libseccomp): libcontainer itself does for newer
// system calls what this package does.

// Bare compiles a profile as libseccomp does: all calls without a rule have the default verdict, however new they are.
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

// Place returns the index of a system call in the table of known ones.
func Place(name string) (place int, known bool) { return find(name) }

// Name is the inverse of Place.
func Name(place int) (name string, known bool) {
	if t := table(); place >= 0 && place < len(t) {
		return t[place].name, true
	}
	return "", false
}

// Number returns the number of a system call on an architecture, with the bit of x32 calls.
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
