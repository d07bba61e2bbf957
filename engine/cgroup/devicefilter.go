package cgroup

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// On the unified tree a BPF program decides about devices: the kernel runs it whenever a process in the group calls
// open or mknod (bpf(2); the kernel's Documentation/bpf/standardization/instruction-set.rst).

// instruction is a BPF instruction, laid out like struct bpf_insn on little-endian hosts.
type instruction struct {
	op    uint8
	regs  uint8 // destination in the lower half, source in the upper
	jump  int16 // instructions to skip, or the offset of a load
	value int32
}

// The opcodes that a filter uses.
const (
	opLoad     = unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W
	opCopy     = unix.BPF_ALU | unix.BPF_MOV | unix.BPF_X
	opSet      = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K
	opAnd      = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opShift    = unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K
	opUnequal  = unix.BPF_JMP | unix.BPF_JNE | unix.BPF_K
	opDiffer   = unix.BPF_JMP | unix.BPF_JNE | unix.BPF_X
	opEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opExit     = unix.BPF_JMP | unix.BPF_EXIT
	allAccess  = unix.BPF_DEVCG_ACC_READ | unix.BPF_DEVCG_ACC_WRITE | unix.BPF_DEVCG_ACC_MKNOD
	largestNum = math.MaxInt32 // far above any device number
)

// The registers. On entry, argument holds the address of a struct bpf_cgroup_dev_ctx.
const (
	verdict = iota
	argument
	kind
	access
	major
	minor
)

// deviceFilter builds the program: it returns 1 to allow, 0 to forbid.
func deviceFilter(allowed bool, exceptions []deviceRule) []instruction {
	p := []instruction{
		{opLoad, kind | argument<<4, 0, 0},
		{opCopy, access | kind<<4, 0, 0},
		{opAnd, kind, 0, 0xffff},
		{opShift, access, 0, 16},
		{opLoad, major | argument<<4, 4, 0},
		{opLoad, minor | argument<<4, 8, 0},
	}
	for _, r := range exceptions {
		if r.major > largestNum || r.minor > largestNum {
			continue // matches no device
		}
		p = append(p, exception(r, !allowed)...)
	}
	return append(p, answer(allowed)...)
}

// exception builds the part of a program that returns allow if r matches, and else falls through. A rule that allows
// must cover all of the requested access; one that forbids, any of it.
func exception(r deviceRule, allow bool) []instruction {
	device := int32(unix.BPF_DEVCG_DEV_CHAR)
	if r.kind == 'b' {
		device = unix.BPF_DEVCG_DEV_BLOCK
	}
	p := []instruction{{opUnequal, kind, 0, device}}
	if r.access != allAccess {
		p = append(p, instruction{opCopy, argument | access<<4, 0, 0}, instruction{opAnd, argument, 0, int32(r.access)})
		if allow {
			p = append(p, instruction{opDiffer, argument | access<<4, 0, 0})
		} else {
			p = append(p, instruction{opEqual, argument, 0, 0})
		}
	}
	if r.major != anyNumber {
		p = append(p, instruction{opUnequal, major, 0, int32(r.major)})
	}
	if r.minor != anyNumber {
		p = append(p, instruction{opUnequal, minor, 0, int32(r.minor)})
	}
	p = append(p, answer(allow)...)
	for i := range p {
		if op := p[i].op; op == opUnequal || op == opDiffer || op == opEqual {
			p[i].jump = int16(len(p) - i - 1)
		}
	}
	return p
}

func answer(allow bool) []instruction {
	value := int32(0)
	if allow {
		value = 1
	}
	return []instruction{{opSet, verdict, 0, value}, {opExit, 0, 0, 0}}
}

// filterDevices attaches the filter to a new group. If everything is allowed it does nothing, so that kernels without
// BPF will do.
func (g *Group) filterDevices(allowed bool, exceptions []deviceRule) error {
	if allowed && len(exceptions) == 0 {
		return nil
	}
	program, err := loadFilter(deviceFilter(allowed, exceptions))
	if err != nil {
		return fmt.Errorf("load filter for devices of %s: %w", g.path, err)
	}
	defer unix.Close(program) // the group holds a reference
	group, err := open(g.h.mounts[0].dir+g.path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("open control group %s: %w", g.path, err)
	}
	defer unix.Close(group)
	attach := struct{ target, program, kind, flags uint32 }{uint32(group), uint32(program), unix.BPF_CGROUP_DEVICE,
		unix.BPF_F_ALLOW_MULTI}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attach), unsafe.Sizeof(attach)); err != nil {
		return fmt.Errorf("attach filter for devices to %s: %w", g.path, err)
	}
	return nil
}

// loadFilter loads a program and returns its descriptor.
func loadFilter(p []instruction) (int, error) {
	license := []byte("Apache-2.0\x00")
	load := struct {
		kind, length  uint32
		code, license uint64
		logs          [2]uint32
		log           uint64
	}{kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, length: uint32(len(p))}
	var pin runtime.Pinner // the kernel receives these addresses as numbers
	defer pin.Unpin()
	pin.Pin(&p[0])
	pin.Pin(&license[0])
	load.code, load.license = uint64(uintptr(unsafe.Pointer(&p[0]))), uint64(uintptr(unsafe.Pointer(&license[0])))
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load))
	if err != unix.EPERM {
		return fd, err
	}
	// Before Linux 5.11 programs count as locked memory.
	var before unix.Rlimit
	lifted := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &lifted, &before) != nil {
		return -1, err
	}
	defer unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &before, nil)
	return bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load))
}

// bpf calls bpf(2), and retries if a signal, such as one from the Go runtime, interrupted the verifier.
func bpf(command uintptr, attributes unsafe.Pointer, size uintptr) (int, error) {
	for try := 0; ; try++ {
		n, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attributes), size)
		switch {
		case errno == 0:
			return int(n), nil
		case errno != unix.EAGAIN && errno != unix.EINTR || try == 100:
			return -1, errno
		}
	}
}
