package request

import (
	"strings"

	"github.com/docker/go-units"

	"box/engine/refuse"
)

// Quota returns the size limit of a container's layer in --storage-opt in bytes, or 0.
func Quota(options map[string]string) (int64, error) {
	quota := int64(0)
	for name, value := range options {
		if strings.ToLower(name) != "size" {
			return 0, refuse.Invalid("unknown option %s", name)
		}
		n, err := units.RAMInBytes(value)
		if err != nil {
			return 0, refuse.Invalid("%v", err)
		}
		quota = n
	}
	return quota, nil
}
