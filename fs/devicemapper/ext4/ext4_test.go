package ext4

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWrite: what is written is an ext4, in whole pieces, with holes where it has zeros.
func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "device")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(Smallest); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, 64<<10); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Size != Smallest || st.Blocks*512 > 8<<20 {
		t.Errorf("%d bytes, %d of them on disk, %v", st.Size, st.Blocks*512, err)
	}
	magic := make([]byte, 2)
	if _, err := f.ReadAt(magic, 1024+56); err != nil || magic[0] != 0x53 || magic[1] != 0xef { // s_magic
		t.Errorf("%x, %v", magic, err)
	}
}
