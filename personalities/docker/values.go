package docker

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/docker/go-units"
)

// byteSize is a flag such as 512m or 2g.
type byteSize int64

// UnmarshalText reads a size in powers of 1024.
func (b *byteSize) UnmarshalText(raw []byte) error {
	text := string(raw)
	n, err := units.RAMInBytes(text)
	*b = byteSize(n)
	return err
}

// swapSize is a byteSize for which -1 stands for "no limit".
type swapSize int64

// UnmarshalText reads a size in powers of 1024.
func (b *swapSize) UnmarshalText(raw []byte) error {
	text := string(raw)
	if text == "-1" {
		*b = -1
		return nil
	}
	return (*byteSize)(b).UnmarshalText(raw)
}

// nanoCPUs is a flag such as 1.5, in billionths of a CPU.
type nanoCPUs int64

// UnmarshalText reads a decimal or a fraction that is a whole number of billionths.
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

// pairs makes a map of KEY=VALUE words; a word without "=" has an empty value.
func pairs(words []string) map[string]string {
	m := make(map[string]string, len(words))
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		m[key] = value
	}
	return m
}

// pairsOrNil is the same, and nil for no words.
func pairsOrNil(words []string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	return pairs(words)
}

// checks are those of values that flags keep as they were typed, by the word of the tag `type`: an error names the flag.
func checks() map[string]func(text string) error {
	return map[string]func(text string) error{
		"byte-rate": parses(byteRate), "count-rate": parses(countRate), "device": parses(deviceMapping), "device-rule": checkDeviceRule,
		"host": parses(hostLine), "label": checkLabel, "mount": parses(mountSpec), "name-server": parses(nameServer), "stream": checkStream,
		"sysctl": checkSysctl, "ulimit": parses(units.ParseUlimit), "variable": checkVariable, "weight": parses(weightDevice),
	}
}

// parses makes a check of a parser whose result is not needed yet.
func parses[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}
