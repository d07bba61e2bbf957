package pool

import (
	"fmt"
	"strconv"
	"strings"
)

// Status is what a pool says of itself (Documentation/admin-guide/device-mapper/thin-provisioning.rst).
type Status struct {
	Transaction              uint64
	MetadataUsed, MetadataOf uint64 // blocks of 4 KiB
	DataUsed, DataOf         uint64 // blocks of the pool
	Mode                     string // rw, ro, out_of_data_space
	NeedsCheck               bool
}

// parseStatus parses the status line of a thin-pool target.
func parseStatus(text string) (s Status, err error) {
	w := strings.Fields(text)
	if len(w) < 5 {
		return s, fmt.Errorf("the pool does not work: it says %q", text)
	}
	if s.Transaction, err = strconv.ParseUint(w[0], 10, 64); err != nil {
		return s, fmt.Errorf("status of the pool: %w", err)
	}
	for i, to := range []struct{ used, of *uint64 }{{&s.MetadataUsed, &s.MetadataOf}, {&s.DataUsed, &s.DataOf}} {
		used, of, _ := strings.Cut(w[1+i], "/")
		if *to.used, err = strconv.ParseUint(used, 10, 64); err == nil {
			*to.of, err = strconv.ParseUint(of, 10, 64)
		}
		if err != nil {
			return s, fmt.Errorf("status of the pool: %w", err)
		}
	}
	s.Mode = w[4]
	for _, word := range w[5:] {
		s.NeedsCheck = s.NeedsCheck || word == "needs_check"
	}
	return s, nil
}

// sector is the unit of the device mapper, in bytes.
const sector = 512

// metadataBlock is the unit in which a pool counts its metadata, in bytes.
const metadataBlock = 4096
