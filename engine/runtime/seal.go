package runtime

import (
	"fmt"
	"os"

	"github.com/opencontainers/runc/libcontainer/exeseal"
)

// SealedCopy gives a copy of this program's file in memory that nobody can write to, to be executed in place of the file; nil where
// there is no need.
//
// A container must never get hold of the file that it was started by (CVE-2019-5736): libcontainer starts it by way of an overlay that cannot be
// written to, which costs nothing. Where the kernel has none for the file's folder, it would copy the whole file at every
// start and exec, unless the process runs from such a copy already. dir is the folder that containers' records are made in.
func SealedCopy(dir string) (*os.File, error) {
	if exeseal.IsSelfExeCloned() {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	f, err := exeseal.CloneSelfExe(dir)
	if err != nil {
		return nil, fmt.Errorf("copy of the executable: %w", err)
	}
	if !exeseal.IsCloned(f) {
		return nil, f.Close()
	}
	return f, nil
}
