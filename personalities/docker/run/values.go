package run

import (
	"fmt"
	"math/big"

	"github.com/docker/go-units"
)

// ByteSize is a size such as 512m or 2g.
type ByteSize int64

// UnmarshalText parses a size in powers of 1024.
func (b *ByteSize) UnmarshalText(raw []byte) error {
	text := string(raw)
	n, err := units.RAMInBytes(text)
	*b = ByteSize(n)
	return err
}

// swapSize is a ByteSize that accepts -1 for no limit.
type swapSize int64

// UnmarshalText parses -1, or a size in powers of 1024.
func (b *swapSize) UnmarshalText(raw []byte) error {
	text := string(raw)
	if text == "-1" {
		*b = -1
		return nil
	}
	return (*ByteSize)(b).UnmarshalText(raw)
}

// nanoCPUs is a number of CPUs such as 1.5, in billionths.
type nanoCPUs int64

// UnmarshalText parses a decimal or a fraction that is a whole number of billionths.
func (n *nanoCPUs) UnmarshalText(raw []byte) error {
	text := string(raw)
	cpus, ok := new(big.Rat).SetString(text)
	if !ok {
		return fmt.Errorf("failed to parse %v as a rational number", text)
	}
	nano := cpus.Mul(cpus, big.NewRat(1e9, 1))
	if !nano.IsInt() || !nano.Num().IsInt64() {
		return fmt.Errorf("value is too precise")
	}
	*n = nanoCPUs(nano.Num().Int64())
	return nil
}
