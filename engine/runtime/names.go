package runtime

import (
	"path"
	"sort"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// names sets the host name and the domain.
func (s *steps) names(spec *specs.Spec) {
	if n := spec.Hostname; n != "" {
		s.do("sethostname", unix.SYS_SETHOSTNAME, n, len(n))
	}
	if n := spec.Domainname; n != "" {
		s.do("setdomainname", unix.SYS_SETDOMAINNAME, n, len(n))
	}
}

// sysctl sets a parameter of the kernel's, of the namespaces that the process is in.
func (s *steps) sysctl(key, value string, proc register) {
	s.write("write sysctl "+key, proc, sysctlFile(key)[1:], value)
}

// makeWorkingDir makes the folder that the program is to start in, and those above it, where they are missing. The process is in the container's
// root, where no path leads out of.
func (s *steps) makeWorkingDir(dir string) {
	dir = path.Clean("/" + dir)
	there := &label{}
	s.do("look for the working folder", unix.SYS_FACCESSAT, current, dir, unix.F_OK).tolerate(anyErrno).then(there)
	for i := 1; i <= len(dir); i++ {
		if i == len(dir) || dir[i] == '/' {
			s.do("make the working folder", unix.SYS_MKDIRAT, current, dir[:i], 0o755).tolerate(anyErrno)
		}
	}
	s.mark(there)
}

func sortedKeys(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}
