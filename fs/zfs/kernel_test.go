package zfs

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"box/fs/mount"
	"box/fs/tree"
	"box/fs/zfs/control"
	"box/fs/zfs/nvlist"
)

// kernel stands in for /dev/zfs: datasets are folders, snapshots are their names, clones copies.
type kernel struct {
	t   *testing.T
	dir string

	mu    sync.Mutex
	props map[string]nvlist.List // of datasets and, nil, of snapshots
	calls []uintptr
	busy  map[string]bool // datasets that are mounted
}

func newKernel(t *testing.T, datasets ...string) *kernel {
	k := &kernel{t: t, dir: t.TempDir(), props: map[string]nvlist.List{}, busy: map[string]bool{}}
	for _, name := range datasets {
		k.props[name] = nvlist.List{}
	}
	return k
}

func (k *kernel) device() *control.Device { return &control.Device{Call: k.call} }

// folder is that of a dataset, whose name it keeps when it is renamed.
func (k *kernel) folder(dataset string) string {
	return filepath.Join(k.dir, strings.ReplaceAll(dataset, "/", "!"))
}

func (k *kernel) mount(dataset string) mount.Mount {
	return mount.Mount{Type: "bind", Source: k.folder(dataset), Options: []string{"bind"}}
}

// names are those of the datasets and snapshots that begin so.
func (k *kernel) names(prefix string) (list []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.below(prefix)
}

func (k *kernel) below(prefix string) (list []string) {
	for name := range k.props {
		if strings.HasPrefix(name, prefix) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func (k *kernel) call(request uintptr, cmd []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, request)
	text := func(at int) string { s, _, _ := strings.Cut(string(cmd[at:at+256]), "\x00"); return s }
	var args nvlist.List
	if size := binary.NativeEndian.Uint64(cmd[4104:]); size > 0 {
		var err error
		if args, err = nvlist.Decode(unsafe.Slice(*(**byte)(unsafe.Pointer(&cmd[4096])), size)); err != nil {
			k.t.Error(err)
		}
	}
	reply, err := k.do(request, text(0), text(4144), args, cmd)
	if err == nil && binary.NativeEndian.Uint64(cmd[4120:]) > 0 {
		raw, err := nvlist.Encode(reply)
		if err != nil {
			k.t.Error(err)
		}
		copy(unsafe.Slice(*(**byte)(unsafe.Pointer(&cmd[4112])), binary.NativeEndian.Uint64(cmd[4120:])), raw)
		binary.NativeEndian.PutUint32(cmd[4128:], 1)
		binary.NativeEndian.PutUint64(cmd[4120:], uint64(len(raw)))
	}
	return err
}

func (k *kernel) do(request uintptr, name, value string, args nvlist.List, cmd []byte) (nvlist.List, error) {
	props, there := k.props[name]
	given, _ := args.Get("props").(nvlist.List)
	switch request {
	case 0x5a12: // properties
		if !there {
			return nil, unix.ENOENT
		}
		return props, nil
	case 0x5a27:
		return nvlist.List{{Name: "health", Value: nvlist.List{{Name: "value", Value: uint64(6)}}}}, nil
	case 0x5a14, 0x5a15: // lists
		sep := map[uintptr]string{0x5a14: "/", 0x5a15: "@"}[request]
		all := slices.DeleteFunc(k.below(name+sep), func(s string) bool { return strings.ContainsAny(s[len(name)+1:], "/@") })
		at := int(binary.NativeEndian.Uint64(cmd[12616:]))
		if at >= len(all) {
			return nil, unix.ESRCH
		}
		clear(cmd[:256])
		copy(cmd, all[at])
		binary.NativeEndian.PutUint64(cmd[12616:], uint64(at+1))
		return k.props[all[at]], nil
	case 0x5a16: // set
		k.props[name] = append(props, local(name, args)...)
	case 0x5a17, 0x5a42: // create, clone
		origin, _ := args.Get("origin").(string)
		if _, ok := k.props[origin]; origin != "" && !ok {
			return nil, unix.ENOENT
		}
		if there {
			return nil, unix.EEXIST
		}
		k.props[name] = local(name, given)
		if origin == "" {
			return nil, os.Mkdir(k.folder(name), 0o755)
		}
		from, _, _ := strings.Cut(origin, "@")
		return nil, copyTree(k.folder(from), k.folder(name))
	case 0x5a18: // destroy
		return nil, k.destroy(name)
	case 0x5a1a: // rename
		if _, ok := k.props[value]; ok {
			return nil, unix.EEXIST
		}
		for _, old := range k.below(name) {
			k.props[value+old[len(name):]] = local(value, plain(k.props[old]))
			delete(k.props, old)
		}
		k.busy[value] = k.busy[name]
		delete(k.busy, name)
		return nil, os.Rename(k.folder(name), k.folder(value))
	case 0x5a23, 0x5a3b: // take and destroy snapshots
		snaps, _ := args.Get("snaps").(nvlist.List)
		for _, s := range snaps {
			if _, ok := k.props[s.Name]; ok && request == 0x5a23 {
				return nil, unix.EEXIST
			}
			if k.props[s.Name] = nil; request == 0x5a3b {
				delete(k.props, s.Name)
			}
		}
	default:
		k.t.Errorf("request %x", request)
	}
	return nil, nil
}

func copyTree(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	dst, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	_, err = tree.Copy(context.Background(), nil, src, dst)
	return err
}

func (k *kernel) destroy(name string) error {
	switch {
	case k.props[name] == nil:
		return unix.ENOENT
	case k.busy[name] || len(k.below(name+"@")) > 0:
		return unix.EBUSY
	case len(k.below(name+"/")) > 0:
		return unix.EEXIST
	}
	delete(k.props, name)
	return os.RemoveAll(k.folder(name))
}

// local is how properties are told that were set on a dataset, plain how they were set.
func local(name string, set nvlist.List) (told nvlist.List) {
	told = nvlist.List{}
	for _, p := range set {
		told = append(told, nvlist.Pair{Name: p.Name, Value: nvlist.List{{Name: "value", Value: p.Value},
			{Name: "source", Value: name}}})
	}
	return told
}

func plain(told nvlist.List) (set nvlist.List) {
	for _, p := range told {
		set = append(set, nvlist.Pair{Name: p.Name, Value: p.Value.(nvlist.List).Get("value")})
	}
	return set
}
