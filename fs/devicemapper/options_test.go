package devicemapper

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestOptions: Docker's options with their defaults, and what is refused by name.
func TestOptions(t *testing.T) {
	o, err := parse([]string{"dm.basesize=20G", "dm.blocksize=512K", "dm.loopdatasize=200G", "dm.min_free_space=25%",
		"dm.use_deferred_removal=true", "dm.override_udev_sync_check=true", "dm.fs=ext4", "dm.mountopt=nodiscard"})
	if err != nil || o.baseSize != 20<<30 || o.blockSize != 512<<10 || o.dataSize != 200<<30 || o.minFree != 25 ||
		!o.discard || o.mountOptions != "nodiscard" || o.metadataSize != 2<<30 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse([]string{"dm.thinpooldev=/dev/mapper/vg-thin"}); err != nil || o.pool != "vg-thin" || o.discard {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse([]string{"dm.thinpooldev=p", "dm.blkdiscard=true"}); err != nil || !o.discard {
		t.Errorf("%+v, %v", o, err)
	}
	for opt, want := range map[string]string{
		"dm.basesize=1M": "smaller than the smallest", "dm.basesize=x": "dm.basesize=x", "dm.basesize=-1": "dm.basesize",
		"dm.blocksize=1K": "multiple of 64 KiB", "dm.blocksize=2G": "multiple of 64 KiB", "dm.fs=xfs": "ext4 alone",
		"dm.min_free_space=10": "percentage", "dm.min_free_space=100%": "percentage", "dm.blkdiscard=maybe": "dm.blkdiscard",
		"dm.mkfsarg=-O": "without mkfs", "dm.datadev=/dev/x": "dm.directlvm_device", "dm.unheard=1": "not known",
		"size=1G": "not known", "dm.loopmetadatasize=1K": "too small", "dm.thinp_metapercent=0": "1 to 99",
	} {
		if err := CheckOptions([]string{opt}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", opt, err)
		}
	}
	both := []string{"dm.thinpooldev=p", "dm.directlvm_device=/dev/x"}
	if err := CheckOptions(both); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
}
