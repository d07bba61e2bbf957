package docker

import (
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/docker/go-units"

	"box/personalities/cmd"
)

// byteSize is a flag such as 512m or 2g.
type byteSize int64

// Set reads a size in powers of 1024.
func (b *byteSize) Set(text string) error {
	n, err := units.RAMInBytes(text)
	*b = byteSize(n)
	return err
}

// swapSize is a byteSize for which -1 stands for "no limit".
type swapSize int64

// Set reads a size in powers of 1024.
func (b *swapSize) Set(text string) error {
	if text == "-1" {
		*b = -1
		return nil
	}
	return (*byteSize)(b).Set(text)
}

// nanoCPUs is a flag such as 1.5, in billionths of a CPU.
type nanoCPUs int64

// Set reads a decimal or a fraction that is a whole number of billionths.
func (n *nanoCPUs) Set(text string) error {
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

// sorted puts a table of flags in the order of help.
func sorted(flags []cmd.Flag) []cmd.Flag {
	sort.SliceStable(flags, func(i, j int) bool { return flags[i].Name < flags[j].Name })
	return flags
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

// checkedList is a list whose values are checked as they are read, so that the error names the flag.
type checkedList struct {
	list  *[]string
	check func(string) error
}

// Set checks a value and appends it.
func (c checkedList) Set(text string) error {
	if err := c.check(text); err != nil {
		return err
	}
	*c.list = append(*c.list, text)
	return nil
}

// checked makes the Value of a flag from a list and a parser whose result is not needed yet.
func checked[T any](list *[]string, parse func(string) (T, error)) checkedList {
	return checkedList{list, func(text string) error {
		_, err := parse(text)
		return err
	}}
}
