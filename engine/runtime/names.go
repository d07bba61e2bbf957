package runtime

import (
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// names sets the host name and the domain name.
func (s *steps) names(spec *specs.Spec) {
	if n := spec.Hostname; n != "" {
		s.do("sethostname", unix.SYS_SETHOSTNAME, cstring(n), value(len(n)))
	}
	if n := spec.Domainname; n != "" {
		s.do("setdomainname", unix.SYS_SETDOMAINNAME, cstring(n), value(len(n)))
	}
}

// sysctl sets a kernel parameter in the namespaces that the process is in.
func (s *steps) sysctl(key, value string, proc register) {
	s.write("write sysctl "+key, proc, sysctlFile(key)[1:], value)
}

// makeWorkingDir makes the program's working folder, and those above it, where they are missing. It passes over
// errors: entering the folder reports them.
func (r *root) makeWorkingDir(dir string) {
	made, missing := r.register(), &label{}
	r.do("make the working folder", opPlace, r.fd, r.fresh(path.Clean("/"+dir)), folder).tolerate(anyErrno).
		orElse(missing).into(made)
	r.release(made)
	r.mark(missing)
}
