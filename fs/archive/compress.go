package archive

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compress packs what is written to the result with zstd at its fastest, for files that are read again soon: a layer
// that waits for its parent. Close ends the stream and does not close w.
func Compress(w io.Writer) (io.WriteCloser, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return z, nil
}

// CompressGzip packs what is written to the result for others: the same bytes always come out the same. Close ends
// the stream and does not close w.
func CompressGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
