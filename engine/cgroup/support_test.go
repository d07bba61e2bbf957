package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSupported(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"memory/memory.limit_in_bytes": "", "memory/memory.oom_control": "", "cpu/cpu.shares": "",
		"cpuset/cpuset.cpus": "0-1\n",
		"cpuset/cpuset.mems": "0\n", "cgroup.controllers": "cpu memory io\n", "cpuset.cpus.effective": "0-7\n",
	} {
		p := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := supported(root, false)
	if !s.Memory || s.Swap || !s.OOMKillDisable || !s.CPUShares || s.CPUQuota || s.BlkioWeight || s.Pids ||
		s.Cpus != "0-1" || s.Mems != "0" {
		t.Errorf("v1: %+v", s)
	}
	s = supported(root, true)
	if !s.Memory || !s.Swap || s.OOMKillDisable || s.Swappiness || !s.CPUQuota || !s.BlkioWeight || s.Pids ||
		s.Cpus != "0-7" {
		t.Errorf("v2: %+v", s)
	}
}

func TestWithin(t *testing.T) {
	for _, row := range []struct {
		asked, have string
		within, ok  bool
	}{
		{"", "0-3", true, true}, {"0-1,3", "0-3", true, true}, {"4", "0-3", false, true}, {"2-9", "0-3", false, true},
		{"x", "0-3", false, false},
		{"3-1", "0-3", false, false}, {"1-", "0-3", false, false}, {"-1", "0-3", false, false}, {"0,,1", "0-3", false, false},
		{"0-99999999", "0-3", false, false}, {"5", "", true, true},
	} {
		if within, ok := Within(row.asked, row.have); within != row.within || ok != row.ok {
			t.Errorf("%q of %q: %v, %v", row.asked, row.have, within, ok)
		}
	}
}
