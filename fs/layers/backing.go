package layers

import "golang.org/x/sys/unix"

// Backing names the file system of root as Docker does.
func Backing(root string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return "<unknown>"
	}
	for _, row := range []struct {
		magic int64
		name  string
	}{
		{unix.EXT4_SUPER_MAGIC, "extfs"},
		{unix.XFS_SUPER_MAGIC, "xfs"},
		{unix.BTRFS_SUPER_MAGIC, "btrfs"},
		{unix.TMPFS_MAGIC, "tmpfs"},
		{unix.OVERLAYFS_SUPER_MAGIC, "overlayfs"},
		{0x61756673, "aufs"},
		{unix.F2FS_SUPER_MAGIC, "f2fs"},
		{unix.NFS_SUPER_MAGIC, "nfs"},
		{0x2fc12fc1, "zfs"},
	} {
		if int64(st.Type) == row.magic {
			return row.name
		}
	}
	return "<unknown>"
}
