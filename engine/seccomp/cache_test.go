package seccomp

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestCacheKeepsTheLast(t *testing.T) {
	var c Cache
	made := 0
	get := func(key string) *Filter {
		f, err := c.Filter(key, func() (*specs.LinuxSeccomp, error) {
			made++
			return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := get("first")
	for i := range maxKept - 1 {
		get(fmt.Sprint(i))
	}
	if get("first") != first || made != maxKept {
		t.Errorf("compiled %d times", made)
	}
	get("one more") // 0 is the one that was asked for longest ago
	if get("first") != first || made != maxKept+1 || len(c.kept) != maxKept {
		t.Errorf("compiled %d times, %d are kept", made, len(c.kept))
	}
	if get("1"); made != maxKept+1 {
		t.Error("1 is not kept")
	}
	if get("0"); made != maxKept+2 {
		t.Error("0 is kept")
	}
}

func TestCacheKeepsNoErrors(t *testing.T) {
	var c Cache
	odd := errors.New("odd")
	if _, err := c.Filter("k", func() (*specs.LinuxSeccomp, error) { return nil, odd }); !errors.Is(err, odd) {
		t.Error(err)
	}
	if _, err := c.Filter("k", func() (*specs.LinuxSeccomp, error) {
		return &specs.LinuxSeccomp{DefaultAction: "X"},
			nil
	}); err == nil {
		t.Error("a bad profile has a filter")
	}
	if f, err := c.Filter("k", func() (*specs.LinuxSeccomp,
		error) {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActLog}, nil
	}); f == nil || err != nil {
		t.Error(f, err)
	}
	if f, err := c.Filter("none", func() (*specs.LinuxSeccomp, error) { return nil, nil }); f != nil || err != nil {
		t.Error(f, err)
	}
}

func TestCacheInCrowd(t *testing.T) {
	var c Cache
	var crowd sync.WaitGroup
	for i := range 200 {
		crowd.Go(func() {
			want := uint(i % 20)
			f, err := c.Filter(fmt.Sprint(want), func() (*specs.LinuxSeccomp, error) {
				return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
					Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActErrno, ErrnoRet: &want}}}, nil
			})
			if err != nil || run(t, parse(f.Program), data{arch: auditAMD64}) != verdictErrno|uint32(want) {
				t.Errorf("%d: another's filter, %v", want, err)
			}
		})
	}
	crowd.Wait()
}
