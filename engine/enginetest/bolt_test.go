package enginetest

import (
	"os"
	"reflect"
	"unsafe"

	"go.etcd.io/bbolt"

	"box/fs/disk"
)

// tap puts d between bbolt and its file. bbolt has no place for that, so the function by which it writes pages is replaced in its
// unexported fields: a change is writes of pages, a sync, the write of one of the first two pages, which is the head, and another sync. The
// syncs are told where they are: a first that fails is to bbolt as a head that was not written, and a second as one whose write gave an error
// after it was done.
func tap(db *bbolt.DB, d *disk.Disk) {
	v := reflect.ValueOf(db).Elem()
	write := (*func([]byte, int64) (int, error))(unsafe.Pointer(v.FieldByName("ops").FieldByName("writeAt").UnsafeAddr()))
	file := *(**os.File)(unsafe.Pointer(v.FieldByName("file").UnsafeAddr()))
	fd, kernel, heads := int(file.Fd()), *write, int64(2*db.Info().PageSize)
	sync := func() error { return d.Around(&disk.Op{Kind: disk.Sync, FD: fd}, func() error { return nil }) }
	*write = func(p []byte, at int64) (n int, err error) {
		if at < heads {
			if err := sync(); err != nil {
				return 0, err
			}
		}
		op := &disk.Op{Kind: disk.Write, FD: fd, Data: p, Off: at}
		err = d.Around(op, func() error {
			n, err = kernel(op.Data, at)
			return err
		})
		if err == nil && at < heads {
			err = sync()
		}
		return n, err
	}
}
