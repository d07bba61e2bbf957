package control

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/zfs/nvlist"
)

// fileSystem is the type of a dataset with files (dmu_objset_type_t).
const fileSystem = int32(2)

// Create makes a dataset with files.
func (d *Device) Create(dataset string, props nvlist.List) error {
	args := nvlist.List{{Name: "type", Value: fileSystem}, {Name: "props", Value: props}}
	return d.change("create dataset "+dataset, command{request: create, name: dataset, args: args})
}

// Snapshot takes a snapshot, DATASET@NAME.
func (d *Device) Snapshot(name string) error {
	snaps := nvlist.List{{Name: name, Value: nvlist.Flag{}}}
	return d.change("take snapshot "+name, command{request: snapshot, name: pool(name),
		args: nvlist.List{{Name: "snaps", Value: snaps}}})
}

// Clone makes a dataset with the content of a snapshot.
func (d *Device) Clone(dataset, origin string, props nvlist.List) error {
	args := nvlist.List{{Name: "origin", Value: origin}, {Name: "props", Value: props}}
	return d.change("clone "+origin+" as "+dataset, command{request: clone, name: dataset, args: args})
}

// Set sets properties of a dataset.
func (d *Device) Set(dataset string, props nvlist.List) error {
	return d.change("set properties of dataset "+dataset, command{request: setProp, name: dataset, args: props})
}

// Rename gives a dataset, which may be mounted, another name.
func (d *Device) Rename(from, to string) error {
	return d.change("rename dataset "+from, command{request: rename, name: from, value: to, plain: true})
}

// Destroy destroys a dataset. One that is mounted, or has snapshots, is EBUSY; one with datasets in it is EEXIST.
func (d *Device) Destroy(dataset string) error {
	return d.change("destroy dataset "+dataset, command{request: destroy, name: dataset, plain: true})
}

// DestroySnapshots destroys snapshots of one pool, those that have clones when these are gone.
func (d *Device) DestroySnapshots(names []string) error {
	if len(names) == 0 {
		return nil
	}
	var snaps nvlist.List
	for _, name := range names {
		snaps = append(snaps, nvlist.Pair{Name: name, Value: nvlist.Flag{}})
	}
	return d.change("destroy snapshots of "+names[0], command{request: destroySnaps, name: pool(names[0]),
		args: nvlist.List{{Name: "snaps", Value: snaps}, {Name: "defer", Value: nvlist.Flag{}}}})
}

// change makes a request that changes something.
func (d *Device) change(what string, c command) error {
	if _, err := d.do(&c); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// pool returns the pool of a dataset or snapshot.
func pool(name string) string {
	if end := strings.IndexAny(name, "/@"); end >= 0 {
		return name[:end]
	}
	return name
}

// Properties are those of a dataset or pool that differ from the default, and what can be only asked.
type Properties nvlist.List

func (p Properties) get(name, what string) any {
	l, _ := nvlist.List(p).Get(name).(nvlist.List)
	return l.Get(what)
}

// Number returns the value of a property.
func (p Properties) Number(name string) (uint64, bool) {
	n, ok := p.get(name, "value").(uint64)
	return n, ok
}

// Local returns the text of a property that is set on the dataset itself.
func (p Properties) Local(name, dataset string) string {
	text, _ := p.get(name, "value").(string)
	if p.get(name, "source") != dataset {
		return ""
	}
	return text
}

// Stats returns the properties of a dataset.
func (d *Device) Stats(dataset string) (Properties, error) {
	l, err := d.do(&command{request: objsetStats, name: dataset})
	if err != nil {
		return nil, fmt.Errorf("properties of dataset %s: %w", dataset, err)
	}
	return Properties(l), nil
}

// Pool returns the properties of the pool of a dataset, and its name.
func (d *Device) Pool(dataset string) (name string, p Properties, err error) {
	name = pool(dataset)
	l, err := d.do(&command{request: poolGetProps, name: name})
	if err != nil {
		return name, nil, fmt.Errorf("properties of pool %s: %w", name, err)
	}
	return name, Properties(l), nil
}

// maxList is how many datasets in one, or snapshots of one, are listed.
const maxList = 1 << 20

// Children calls fn for each dataset directly in one.
func (d *Device) Children(dataset string, fn func(name string, p Properties) error) error {
	return d.list(datasetListNext, dataset, fn)
}

// Snapshots returns the snapshots of a dataset.
func (d *Device) Snapshots(dataset string) (names []string, err error) {
	err = d.list(snapshotListNext, dataset, func(name string, _ Properties) error {
		names = append(names, name)
		return nil
	})
	return names, err
}

func (d *Device) list(request uintptr, dataset string, fn func(string, Properties) error) error {
	cookie := uint64(0)
	for range maxList {
		c := command{request: request, name: dataset, cookie: cookie}
		l, err := d.do(&c)
		if errors.Is(err, unix.ESRCH) { // there are no more
			return nil
		}
		if err != nil {
			return fmt.Errorf("list what is in dataset %s: %w", dataset, err)
		}
		if cookie = c.cookie; c.name == dataset {
			return fmt.Errorf("list what is in dataset %s: the kernel names none: %w", dataset, nvlist.ErrInvalid)
		}
		if err := fn(c.name, Properties(l)); err != nil {
			return err
		}
	}
	return fmt.Errorf("list what is in dataset %s: it has too many: %w", dataset, unix.EOVERFLOW)
}
