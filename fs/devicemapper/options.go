package devicemapper

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/go-units"

	"box/fs/devicemapper/ext4"
)

// options are the storage options, with Docker's defaults.
type options struct {
	pool         string // name of a thin pool that is there
	direct       string // device that a pool is made on
	force        bool   // though something is on it
	metaPercent  int    // of direct, for the pool's metadata
	baseSize     uint64
	dataSize     uint64
	metadataSize uint64
	blockSize    uint64
	mountOptions string
	discard      bool // what is removed goes back to what the pool lies on
	discardSet   bool
	minFree      int // percent of the pool for new devices
	deferred     bool
}

// setter takes the value of an option.
type setter func(o *options, value string) error

// setters returns the options that do something here.
func setters() map[string]setter {
	return map[string]setter{
		"dm.thinpooldev":              text(func(o *options) *string { return &o.pool }),
		"dm.directlvm_device":         text(func(o *options) *string { return &o.direct }),
		"dm.directlvm_device_force":   flag(func(o *options) *bool { return &o.force }),
		"dm.thinp_metapercent":        percent(func(o *options) *int { return &o.metaPercent }),
		"dm.basesize":                 size(func(o *options) *uint64 { return &o.baseSize }),
		"dm.loopdatasize":             size(func(o *options) *uint64 { return &o.dataSize }),
		"dm.loopmetadatasize":         size(func(o *options) *uint64 { return &o.metadataSize }),
		"dm.blocksize":                size(func(o *options) *uint64 { return &o.blockSize }),
		"dm.mountopt":                 text(func(o *options) *string { return &o.mountOptions }),
		"dm.min_free_space":           freeSpace,
		"dm.use_deferred_removal":     flag(func(o *options) *bool { return &o.deferred }),
		"dm.use_deferred_deletion":    flag(func(*options) *bool { return new(bool) }), // it always is
		"dm.override_udev_sync_check": flag(func(*options) *bool { return new(bool) }), // udev is not waited for
		"dm.fs":                       fileSystem,
		"dm.blkdiscard": func(o *options, value string) (err error) {
			o.discardSet = true
			o.discard, err = strconv.ParseBool(value)
			return err
		},
	}
}

// unsupported returns Docker's options that are refused, and why.
func unsupported() map[string]string {
	return map[string]string{
		"dm.datadev":                    "a pool is made by dm.directlvm_device, or named by dm.thinpooldev",
		"dm.metadatadev":                "a pool is made by dm.directlvm_device, or named by dm.thinpooldev",
		"dm.mkfsarg":                    "the file system is made without mkfs",
		"dm.thinp_percent":              "all of the device that is not metadata is data",
		"dm.thinp_autoextend_threshold": "box makes pools without LVM, which would extend them",
		"dm.thinp_autoextend_percent":   "box makes pools without LVM, which would extend them",
		"dm.xfs_nospace_max_retries":    "the file system is ext4",
		"dm.libdm_log_level":            "there is no libdevmapper",
	}
}

func parse(list []string) (options, error) {
	o := options{baseSize: 10 << 30, dataSize: 100 << 30, metadataSize: 2 << 30, blockSize: 64 << 10, metaPercent: 1,
		minFree: 10, deferred: true}
	known, refused := setters(), unsupported()
	for _, opt := range list {
		key, value, _ := strings.Cut(opt, "=")
		if why, no := refused[key]; no {
			return o, fmt.Errorf("storage option %s is not offered: %s: %w", key, why, errdefs.ErrInvalidArgument)
		}
		set, ok := known[key]
		if !ok {
			return o, fmt.Errorf("storage option %s is not known to devicemapper: %w", key, errdefs.ErrInvalidArgument)
		}
		if err := set(&o, value); err != nil {
			return o, fmt.Errorf("storage option %s: %w: %w", opt, err, errdefs.ErrInvalidArgument)
		}
	}
	return o, o.check()
}

// check refuses what does not fit together.
func (o *options) check() error {
	o.pool = strings.TrimPrefix(o.pool, "/dev/mapper/")
	refuse := func(format string, args ...any) error {
		return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
	}
	const least, most = 64 << 10, 1 << 30 // of a block (thin-provisioning.rst)
	switch {
	case o.pool != "" && o.direct != "":
		return refuse("dm.thinpooldev and dm.directlvm_device: one pool is wanted")
	case o.blockSize%least != 0 || o.blockSize < least || o.blockSize > most:
		return refuse("dm.blocksize=%d is no multiple of 64 KiB up to 1 GiB", o.blockSize)
	case o.baseSize < ext4.Smallest:
		return refuse("dm.basesize=%d is smaller than the smallest file system, %d bytes", o.baseSize, ext4.Smallest)
	case o.dataSize < o.blockSize || o.metadataSize < 2<<20:
		return refuse("dm.loopdatasize=%d and dm.loopmetadatasize=%d are too small for a pool", o.dataSize, o.metadataSize)
	}
	if !o.discardSet {
		o.discard = o.pool == "" && o.direct == "" // a loop file gives room back to its disk
	}
	return nil
}

// CheckOptions refuses options that Open would refuse.
func CheckOptions(opts []string) error {
	_, err := parse(opts)
	return err
}

func text(field func(*options) *string) setter {
	return func(o *options, value string) error {
		*field(o) = value
		return nil
	}
}

func flag(field func(*options) *bool) setter {
	return func(o *options, value string) (err error) {
		*field(o), err = strconv.ParseBool(value)
		return err
	}
}

func size(field func(*options) *uint64) setter {
	return func(o *options, value string) error {
		n, err := units.RAMInBytes(value)
		if err == nil && n <= 0 {
			err = fmt.Errorf("%d bytes", n)
		}
		*field(o) = uint64(n)
		return err
	}
}

func percent(field func(*options) *int) setter {
	return func(o *options, value string) error {
		n, err := strconv.Atoi(strings.TrimSuffix(value, "%"))
		if err == nil && (n < 1 || n > 99) {
			err = fmt.Errorf("1 to 99 is wanted")
		}
		*field(o) = n
		return err
	}
}

func freeSpace(o *options, value string) error {
	digits, ok := strings.CutSuffix(value, "%")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n >= 100 {
		return fmt.Errorf("a percentage under 100 is wanted, such as 10%%")
	}
	o.minFree = n
	return nil
}

func fileSystem(_ *options, value string) error {
	if value != "ext4" {
		return fmt.Errorf("box makes ext4 alone")
	}
	return nil
}
