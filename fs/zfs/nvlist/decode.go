package nvlist

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Decode reads a list, in XDR or as it is in a kernel's memory. What follows it is ignored. An error is ErrInvalid.
func Decode(b []byte) (List, error) {
	if len(b) < headerSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrInvalid, len(b))
	}
	var r decoder
	switch {
	case b[0] == encodingXDR:
		r = &xdr{reader{b: b[headerSize:], order: binary.BigEndian}}
	case b[0] == encodingNative && b[1] == littleEndian:
		r = &native{reader{b: b[headerSize:], order: binary.LittleEndian}}
	case b[0] == encodingNative && b[1] == 0:
		r = &native{reader{b: b[headerSize:], order: binary.BigEndian}}
	default:
		return nil, fmt.Errorf("%w: encoding %d, order of bytes %d", ErrInvalid, b[0], b[1])
	}
	if version := r.uint32(); version != 0 {
		return nil, fmt.Errorf("%w: version %d", ErrInvalid, version)
	}
	r.uint32() // flags
	pairs := maxPairs
	l := readList(r, maxDepth, &pairs)
	return l, r.failed()
}

// decoder reads one of the encodings. After an error it reads zeros.
type decoder interface {
	uint32() uint32
	// pair reads a pair, and value by readValue; the last one of a list has no size.
	pair(value func(kind int32, count uint32) any) (p Pair, last bool)
	// embedded reads what an embedded list begins with.
	embedded()
	text() string
	uint64() uint64
	fail(what string)
	failed() error
}

// readList reads the pairs of a list.
func readList(r decoder, depth int, pairs *int) (l List) {
	for r.failed() == nil {
		p, last := r.pair(func(kind int32, count uint32) any { return readValue(r, kind, count, depth, pairs) })
		if last {
			return l
		}
		if *pairs--; *pairs < 0 {
			r.fail("too many pairs")
		}
		l = append(l, p)
	}
	return nil
}

// readValue reads the value of a pair.
func readValue(r decoder, kind int32, count uint32, depth int, pairs *int) any {
	if depth == 0 {
		r.fail("lists in lists")
		return nil
	}
	switch kind {
	case typeBoolean:
		return Flag{}
	case typeBooleanValue:
		return r.uint32() != 0
	case typeInt32:
		return int32(r.uint32())
	case typeUint32:
		return r.uint32()
	case typeInt64:
		return int64(r.uint64())
	case typeUint64:
		return r.uint64()
	case typeString:
		return r.text()
	case typeNvlist:
		r.embedded()
		return readList(r, depth-1, pairs)
	case typeNvlistArray:
		for ; count > 0 && r.failed() == nil; count-- {
			r.embedded()
			readList(r, depth-1, pairs)
		}
	}
	return Other{kind}
}

// reader reads numbers.
type reader struct {
	b     []byte
	order binary.ByteOrder
	err   error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrInvalid, what)
	}
}

func (r *reader) failed() error { return r.err }

// take returns the next n bytes.
func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.fail("it is cut off")
		return make([]byte, min(max(n, 0), 8))
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uint32() uint32 { return r.order.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return r.order.Uint64(r.take(8)) }

// xdr reads RFC 4506's encoding.
type xdr struct{ reader }

func (r *xdr) embedded() { r.uint32(); r.uint32() } // version and flags

func (r *xdr) text() string {
	n := r.uint32()
	if uint64(n) > uint64(len(r.b)) {
		r.fail("a string is cut off")
		return ""
	}
	s := string(r.take(int(n)))
	r.take(align(int(n), 4) - int(n))
	return s
}

func (r *xdr) pair(value func(int32, uint32) any) (p Pair, last bool) {
	had := len(r.b)
	size, inMemory := r.uint32(), r.uint32()
	if size == 0 && inMemory == 0 {
		return p, true
	}
	p.Name = r.text()
	p.Value = value(int32(r.uint32()), r.uint32())
	rest := int64(size) - int64(had-len(r.b)) // of a value that was not read
	if _, other := p.Value.(Other); rest != 0 && (!other || rest < 0 || rest > int64(len(r.b))) {
		r.fail("a pair has another size")
		return p, false
	}
	r.take(int(rest))
	return p, false
}

// native reads what a kernel has in memory: nvpair_t, the name, and the value, each padded to 8 bytes. What is embedded
// follows the pair.
type native struct{ reader }

func (r *native) embedded() {}

func (r *native) text() string {
	s, _, ended := bytes.Cut(r.b, []byte{0})
	if !ended {
		r.fail("a string has no end")
	}
	return string(s)
}

func (r *native) pair(value func(int32, uint32) any) (p Pair, last bool) {
	size := int32(r.uint32())
	if size == 0 {
		return p, true
	}
	if size < pairSize || int64(size)-4 > int64(len(r.b)) {
		r.fail("a pair is cut off")
		return p, false
	}
	rest := r.b[size-4:]
	r.b = r.b[:size-4]
	nameSize := int(r.order.Uint16(r.take(2)))
	r.take(2)
	count, kind := r.uint32(), int32(r.uint32())
	name := r.take(align(pairSize+nameSize, 8) - pairSize)
	if nameSize == 0 || nameSize > len(name) || name[nameSize-1] != 0 {
		r.fail("a name has no end")
		return p, false
	}
	p.Name = string(name[:nameSize-1])
	if kind == typeNvlist || kind == typeNvlistArray {
		r.b = rest
		p.Value = value(kind, count)
		return p, false
	}
	p.Value = value(kind, count)
	r.b = rest
	return p, false
}
