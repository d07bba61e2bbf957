package volume

import (
	"context"
	"os"
	"time"

	"box/fs"
	"box/fs/tree"
)

// settleTime is how long a folder must have been left alone before a count of it is kept, since times on disk are
// coarse.
const settleTime = time.Second

// Size returns the size of a volume's files in bytes. One that no container has used since it was counted is not walked
// again for ten minutes. What programs of the host do to its files meanwhile is seen at once where names come or go in
// its folder itself, and after that time else.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	measure := func() (fs.Usage, error) { return tree.Measure(ctx, s.Path(name)) }
	st, err := os.Stat(s.Path(name))
	if err != nil || time.Since(st.ModTime()) < settleTime {
		u, err := measure()
		return u.Bytes, err
	}
	u, err := s.counts.Of(name, st.ModTime().UnixNano(), measure)
	return u.Bytes, err
}
