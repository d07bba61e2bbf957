package dm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands (include/uapi/linux/dm-ioctl.h).
const (
	version      = 0
	listDevices  = 2
	devCreate    = 3
	devRemove    = 4
	devRename    = 5
	devSuspend   = 6
	devStatus    = 7
	tableLoad    = 9
	tableClear   = 10
	tableStatus  = 12
	listVersions = 13
	targetMsg    = 14
)

// Flags of a command.
const (
	flagSuspend  = 1 << 1
	flagTable    = 1 << 4 // of a status: what was loaded
	flagFull     = 1 << 8 // the answer did not fit
	flagNoFlush  = 1 << 11
	flagDeferred = 1 << 17
)

// request returns the number of an ioctl: _IOWR(0xfd, nr, struct dm_ioctl).
func request(nr uintptr) uintptr { return 3<<30 | headerSize<<16 | 0xfd<<8 | nr }

// header is struct dm_ioctl, with its padding.
type header struct {
	version [3]uint32
	size    uint32 // of header and data
	start   uint32 // of the data
	targets uint32
	open    int32
	flags   uint32
	event   uint32
	_       uint32
	dev     uint64
	name    [128]byte
	uuid    [129]byte
	_       [7]byte
}

const (
	headerSize = unsafe.Sizeof(header{})
	specSize   = 8 + 8 + 4 + 4 + 16 // struct dm_target_spec
	firstSize  = 4 << 10            // what an answer may take at first
	maxSize    = 1 << 20            // and at most: a table has some lines
)

// message is what is sent with a command.
type message struct {
	name, uuid string
	flags      uint32
	targets    []Target
	text       string // for a target
	rename     string
}

// do sends a command and returns the header of the answer and its targets.
func (c *Control) do(nr uintptr, m message) (header, []Target, error) {
	buf, err := c.send(nr, m)
	if err != nil {
		return header{}, nil, err
	}
	h := *(*header)(unsafe.Pointer(&buf[0]))
	if nr != tableStatus {
		return h, nil, nil
	}
	list, err := targets(buf, &h)
	return h, list, err
}

// send sends a command and returns the answer, in a buffer that is as large as it must be.
func (c *Control) send(nr uintptr, m message) ([]byte, error) {
	for size := firstSize; ; size *= 4 {
		buf, err := m.encode(size)
		if err != nil {
			return nil, err
		}
		if err := c.call(nr, buf); err != nil {
			return nil, err
		}
		if (*header)(unsafe.Pointer(&buf[0])).flags&flagFull == 0 {
			return buf, nil
		}
		if size >= maxSize {
			return nil, errors.New("the kernel's answer is too long")
		}
	}
}

func (m *message) encode(size int) ([]byte, error) {
	var data []byte
	for i, t := range m.targets {
		spec := make([]byte, specSize, specSize+len(t.Text)+8)
		binary.NativeEndian.PutUint64(spec, t.Start)
		binary.NativeEndian.PutUint64(spec[8:], t.Length)
		if len(t.Kind) > 15 {
			return nil, fmt.Errorf("target %q: %w", t.Kind, unix.EINVAL)
		}
		copy(spec[24:], t.Kind)
		spec = append(append(spec, t.Text...), 0)
		for len(spec)%8 != 0 {
			spec = append(spec, 0)
		}
		if i < len(m.targets)-1 {
			binary.NativeEndian.PutUint32(spec[20:], uint32(len(spec)))
		}
		data = append(data, spec...)
	}
	if m.text != "" {
		data = append(append(make([]byte, 8), m.text...), 0) // struct dm_target_msg: of sector 0
	}
	if m.rename != "" {
		data = append([]byte(m.rename), 0)
	}
	buf := make([]byte, max(size, int(headerSize)+len(data)))
	h := (*header)(unsafe.Pointer(&buf[0]))
	if len(m.name) >= len(h.name) || len(m.uuid) >= len(h.uuid) {
		return nil, fmt.Errorf("name %q: %w", m.name, unix.ENAMETOOLONG)
	}
	h.version[0], h.size, h.start = 4, uint32(len(buf)), uint32(headerSize)
	h.targets, h.flags = uint32(len(m.targets)), m.flags
	copy(h.name[:], m.name)
	copy(h.uuid[:], m.uuid)
	copy(buf[headerSize:], data)
	return buf, nil
}

var errAnswer = errors.New("the kernel's answer is not understood")

// targets decodes the targets of an answer. Their offsets count from the start of the data.
func targets(buf []byte, h *header) (list []Target, err error) {
	if int(h.start) > len(buf) {
		return nil, errAnswer
	}
	data := buf[h.start:]
	at := 0
	for range h.targets {
		if at < 0 || at+specSize > len(data) {
			return nil, errAnswer
		}
		spec := data[at:]
		end := bytes.IndexByte(spec[specSize:], 0)
		if end < 0 {
			return nil, errAnswer
		}
		list = append(list, Target{Start: binary.NativeEndian.Uint64(spec), Length: binary.NativeEndian.Uint64(spec[8:]),
			Kind: string(bytes.TrimRight(spec[24:specSize], "\x00")), Text: string(spec[specSize : specSize+end])})
		at = int(binary.NativeEndian.Uint32(spec[20:]))
	}
	return list, nil
}

// entry is what is before the name in an entry of a list: how many bytes, and where in them is the offset of the next.
type entry struct{ size, next int }

var (
	listBefore     = entry{12, 8} // struct dm_name_list
	versionsBefore = entry{16, 0} // struct dm_target_versions
)

// names decodes a list: entries one after another by offsets from each.
func names(buf []byte, e entry) (list []string, err error) {
	h := (*header)(unsafe.Pointer(&buf[0]))
	if int(h.start) > len(buf) {
		return nil, errAnswer
	}
	data := buf[h.start:]
	for {
		if len(data) < e.size {
			return nil, errAnswer
		}
		end := bytes.IndexByte(data[e.size:], 0)
		if end < 0 {
			return nil, errAnswer
		}
		if end > 0 { // else there is none
			list = append(list, string(data[e.size:e.size+end]))
		}
		next := int(binary.NativeEndian.Uint32(data[e.next:]))
		if next == 0 {
			return list, nil
		}
		if next < e.size || next > len(data) {
			return nil, errAnswer
		}
		data = data[next:]
	}
}
