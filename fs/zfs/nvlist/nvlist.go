// Package nvlist has the lists of names and values in which OpenZFS's kernel module takes requests and gives replies
// (nvlist(9) of illumos, module/nvpair/nvpair.c of OpenZFS). Requests are written in XDR; replies come as the kernel
// has them in memory, little-endian or big-endian.
package nvlist

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// List is a list of names and values, in order. Values are int32, uint32, int64, uint64, bool, string, List, Flag or,
// read only, Other.
type List []Pair

// Pair is a name and its value.
type Pair struct {
	Name  string
	Value any
}

// Flag is a value that says nothing but that it is there (DATA_TYPE_BOOLEAN).
type Flag struct{}

// Other is a value of a type that nobody here asks for.
type Other struct{ Type int32 }

// Get returns the value of a name, nil if there is none.
func (l List) Get(name string) any {
	for _, p := range l {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// The types of values.
const (
	typeBoolean      = 1
	typeInt32        = 5
	typeUint32       = 6
	typeInt64        = 7
	typeUint64       = 8
	typeString       = 9
	typeNvlist       = 19
	typeNvlistArray  = 20
	typeBooleanValue = 21
)

const (
	encodingNative = 0
	encodingXDR    = 1
	littleEndian   = 1
	uniqueNames    = 1 // NV_UNIQUE_NAME

	headerSize = 4
	pairSize   = 16 // of nvpair_t
	listSize   = 24 // of nvlist_t
)

// Limits of what is read.
const (
	maxDepth = 16
	maxPairs = 1 << 16 // in all
)

// ErrInvalid is that of bytes that are no list.
var ErrInvalid = errors.New("invalid nvlist")

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }

// Encode writes a list in XDR.
func Encode(l List) ([]byte, error) {
	b, err := appendList([]byte{encodingXDR, littleEndian, 0, 0}, l)
	if err != nil {
		return nil, fmt.Errorf("encode nvlist: %w", err)
	}
	return b, nil
}

func appendList(b []byte, l List) (_ []byte, err error) {
	b = binary.BigEndian.AppendUint32(b, 0) // version
	b = binary.BigEndian.AppendUint32(b, uniqueNames)
	for _, p := range l {
		if b, err = appendPair(b, p); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0), nil
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	b = append(b, s...)
	return append(b, make([]byte, align(len(s), 4)-len(s))...)
}

// appendPair writes the sizes of a pair, here and in memory, its name, type, number of values and value.
func appendPair(b []byte, p Pair) (_ []byte, err error) {
	start := len(b)
	b = append(b, make([]byte, 8)...)
	b = appendString(b, p.Name)
	var kind uint32
	var value []byte
	inMemory, count := 8, uint32(1)
	switch v := p.Value.(type) {
	case Flag:
		kind, count, inMemory = typeBoolean, 0, 0
	case bool:
		kind, value = typeBooleanValue, []byte{0, 0, 0, 0}
		if v {
			value[3] = 1
		}
	case int32:
		kind, value = typeInt32, binary.BigEndian.AppendUint32(nil, uint32(v))
	case uint32:
		kind, value = typeUint32, binary.BigEndian.AppendUint32(nil, v)
	case int64:
		kind, value = typeInt64, binary.BigEndian.AppendUint64(nil, uint64(v))
	case uint64:
		kind, value = typeUint64, binary.BigEndian.AppendUint64(nil, v)
	case string:
		kind, value, inMemory = typeString, appendString(nil, v), align(len(v)+1, 8)
	case List:
		kind, inMemory = typeNvlist, listSize
		if value, err = appendList(nil, v); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("a value of type %T cannot be written", v)
	}
	b = binary.BigEndian.AppendUint32(b, kind)
	b = binary.BigEndian.AppendUint32(b, count)
	b = append(b, value...)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	binary.BigEndian.PutUint32(b[start+4:], uint32(align(pairSize+len(p.Name)+1, 8)+inMemory))
	return b, nil
}
