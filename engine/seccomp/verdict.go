package seccomp

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Results of a filter (SECCOMP_RET_*, linux/seccomp.h).
const (
	verdictKillThread  = 0x00000000
	verdictTrap        = 0x00030000
	verdictErrno       = 0x00050000 // with the error below
	verdictTrace       = 0x7ff00000 // with a number for the tracer below
	verdictLog         = 0x7ffc0000
	verdictAllow       = 0x7fff0000
	verdictKillProcess = 0x80000000

	verdictENOSYS = verdictErrno | 38
	eperm         = 1
)

// verdict returns the result for an action; code is the number of an error, by default EPERM.
func verdict(a specs.LinuxSeccompAction, code *uint) (uint32, error) {
	data := uint32(eperm)
	if code != nil {
		data = uint32(*code) & 0xffff
	}
	switch a {
	case specs.ActKill, specs.ActKillThread:
		return verdictKillThread, nil
	case specs.ActKillProcess:
		return verdictKillProcess, nil
	case specs.ActTrap:
		return verdictTrap, nil
	case specs.ActErrno:
		return verdictErrno | data, nil
	case specs.ActTrace:
		return verdictTrace | data, nil
	case specs.ActLog:
		return verdictLog, nil
	case specs.ActAllow:
		return verdictAllow, nil
	case specs.ActNotify:
		return 0, invalid("seccomp action %s: an agent for system calls is not supported", a)
	}
	return 0, invalid("string %s is not a valid action for seccomp", a)
}
