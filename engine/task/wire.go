package task

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// ProtocolVersion is the version that both sides speak. A keeper that answers another one is swapped for the daemon's
// own executable, by exec in place.
const ProtocolVersion = 1

// Limits of one message: enough for a spec with thousands of mounts and environment variables, but not for a bogus
// length.
const (
	maxMessage     = 16 << 20
	maxDescriptors = 253 // the kernel's SCM_MAX_FD
)

// Request is what the daemon sends; Verb determines which fields count.
type Request struct {
	Version   int
	Verb      string
	ID        string                `json:",omitempty"`
	Exec      string                `json:",omitempty"`
	Launch    *Launch               `json:",omitempty"`
	Run       *Exec                 `json:",omitempty"`
	Attach    *Attach               `json:",omitempty"`
	Width     uint16                `json:",omitempty"`
	Height    uint16                `json:",omitempty"`
	Signal    int                   `json:",omitempty"`
	All       bool                  `json:",omitempty"`
	Resources *specs.LinuxResources `json:",omitempty"`
	Path      string                `json:",omitempty"`
	Forward   []string              `json:",omitempty"`
	Names     []string              `json:",omitempty"`
	Table     *Names                `json:",omitempty"`
}

// Reply is the keeper's answer: an error with its class and causes, or the fields for the verb.
type Reply struct {
	Version     int
	Error       string       `json:",omitempty"`
	Class       string       `json:",omitempty"`
	Causes      []Cause      `json:",omitzero"` // of Error; nil from keepers that do not know causes
	Build       string       `json:",omitempty"`
	Pid         int          `json:",omitempty"`
	Status      []Status     `json:",omitempty"`
	Exit        *Exit        `json:",omitempty"`
	Description *Description `json:",omitempty"`
	Names       []string     `json:",omitempty"`
}

// Verbs of the protocol.
const (
	VerbHello    = "hello"
	VerbLaunch   = "launch-filtered" // not "launch": keepers that only know that ignore the seccomp filter
	VerbLaunchBy = "launch-by"       // not VerbLaunch: a keeper that only knows one runtime would use that one
	VerbFind     = "find"
	VerbWatch    = "watch"
	VerbExec     = "exec"
	VerbAttach   = "attach"
	VerbResize   = "resize"
	VerbSignal   = "signal"
	VerbPause    = "pause"
	VerbResume   = "resume"
	VerbUpdate   = "update"
	VerbDescribe = "describe"
	VerbForget   = "forget"
	VerbHold     = "hold"
	VerbDrop     = "drop"
	VerbKeep     = "keep"
	VerbTake     = "take"
	VerbNames    = "names"
	VerbSwap     = "swap"
	VerbQuit     = "quit"
)

// Send writes v as one message: a length of four bytes, big-endian, then JSON. The descriptors of files, which the
// caller still owns, travel with the first byte.
func Send(c *net.UnixConn, v any, files ...*os.File) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	message := make([]byte, 4+len(raw))
	binary.BigEndian.PutUint32(message, uint32(len(raw)))
	copy(message[4:], raw)
	rights, err := controlMessage(files)
	if err != nil {
		return err
	}
	n, _, err := c.WriteMsgUnix(message, rights, nil)
	for err == nil && n < len(message) {
		var more int
		more, err = c.Write(message[n:])
		n += more
	}
	return err
}

// controlMessage packs the descriptors. It avoids Fd, which would set them to blocking mode.
func controlMessage(files []*os.File) ([]byte, error) {
	if len(files) == 0 {
		return nil, nil
	}
	fds := make([]int, 0, len(files))
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return nil, err
		}
	}
	return unix.UnixRights(fds...), nil
}

// Receive reads one message into v and returns the descriptors that came with it, close-on-exec, which the caller
// owns.
func Receive(c *net.UnixConn, v any) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			CloseAll(files)
			files = nil
		}
	}()
	head := make([]byte, 4)
	oob := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, oobn, _, _, err := c.ReadMsgUnix(head, oob)
	if files, err = descriptors(oob[:oobn], err); err != nil {
		return files, err
	}
	if _, err := io.ReadFull(c, head[n:]); err != nil {
		return files, err
	}
	size := binary.BigEndian.Uint32(head)
	if size > maxMessage {
		return files, fmt.Errorf("message of %d bytes, at most %d are taken: %w", size, maxMessage, errdefs.ErrOutOfRange)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c, body); err != nil {
		return files, err
	}
	return files, json.Unmarshal(body, v)
}

func descriptors(oob []byte, err error) ([]*os.File, error) {
	if err != nil || len(oob) == 0 {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			// This lets the poller wait for sockets and pipes, and lets them have deadlines.
			_ = unix.SetNonblock(fd, true)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

// CloseAll closes files, ignoring errors.
func CloseAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
