package task

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { ends[i].Close() })
	}
	return ends[0], ends[1]
}

// pipes makes n pipes.
func pipes(t *testing.T, n int) (readers, writers []*os.File) {
	t.Helper()
	for range n {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		readers, writers = append(readers, r), append(writers, w)
	}
	return readers, writers
}

// TestDescriptors checks that descriptors arrive in order, are close-on-exec, support deadlines, and leave the
// sender's open, up to the number that the kernel permits.
func TestDescriptors(t *testing.T) {
	for _, n := range []int{0, 1, 2, maxDescriptors} {
		from, to := pair(t)
		readers, writers := pipes(t, n)
		if err := Send(from, Request{Verb: VerbHold, ID: "key"}, writers...); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		var q Request
		files, err := Receive(to, &q)
		if err != nil || len(files) != n || q.ID != "key" {
			t.Fatalf("%d descriptors became %d of %+v: %v", n, len(files), q, err)
		}
		for i, f := range files {
			fmt.Fprint(f, i)
			f.Close()
			fmt.Fprint(writers[i], "!") // the sender's is still open
			writers[i].Close()
			if got, err := io.ReadAll(readers[i]); string(got) != fmt.Sprint(i, "!") {
				t.Errorf("descriptor %d of %d: %q, %v", i, n, got, err)
			}
		}
	}
	from, _ := pair(t)
	_, writers := pipes(t, maxDescriptors+1)
	if err := Send(from, Request{}, writers...); err == nil {
		t.Error("more descriptors were sent than the kernel takes")
	}
}

// TestReceivedFlags checks that a received descriptor is close-on-exec and non-blocking.
func TestReceivedFlags(t *testing.T) {
	from, to := pair(t)
	_, writers := pipes(t, 1)
	if err := Send(from, Request{}, writers...); err != nil {
		t.Fatal(err)
	}
	files, err := Receive(to, &Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(files)
	raw, err := files[0].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		inherited, err := unix.FcntlInt(fd, unix.F_GETFD, 0)
		flags, flagsErr := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil || flagsErr != nil || inherited&unix.FD_CLOEXEC == 0 || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("flags %#x and %#x: %v, %v", inherited, flags, err, flagsErr)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHostileMessages checks that a malformed message is an error, and that the descriptors with it are closed, so
// that the pipe's reader sees its end.
func TestHostileMessages(t *testing.T) {
	whole := func(body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	good := whole(`{"Version":1,"Verb":"hello"}`)
	for _, row := range []struct {
		what  string
		bytes []byte
		is    error // nil for any
	}{
		{"half a length", good[:2], io.EOF},
		{"a length alone", good[:4], io.EOF},
		{"cut in the middle", good[:10], io.ErrUnexpectedEOF},
		{"one byte missing", good[:len(good)-1], io.ErrUnexpectedEOF},
		{"no JSON", whole("hello"), nil},
		{"an empty body", whole(""), nil},
		{"another shape", whole(`{"Version":"one"}`), nil},
		{"a length of 4 GiB", []byte{0xff, 0xff, 0xff, 0xff, '{'}, errdefs.ErrOutOfRange},
		{"one byte too long", binary.BigEndian.AppendUint32(nil, maxMessage+1), errdefs.ErrOutOfRange},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: keeper\r\n\r\n"), errdefs.ErrOutOfRange},
	} {
		from, to := pair(t)
		readers, writers := pipes(t, 1)
		rights, err := controlMessage(writers)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := from.WriteMsgUnix(row.bytes, rights, nil); err != nil {
			t.Fatalf("%s: %v", row.what, err)
		}
		from.Close()
		files, err := Receive(to, &Request{})
		if err == nil || len(files) > 0 || row.is != nil && !errors.Is(err, row.is) {
			t.Errorf("%s: %d descriptors, %v; want %v", row.what, len(files), err, row.is)
		}
		writers[0].Close()
		if rest, err := io.ReadAll(readers[0]); len(rest) > 0 || err != nil { // would block if a copy were left open
			t.Errorf("%s: the pipe says %q, %v", row.what, rest, err)
		}
	}
}

// TestLongMessage checks that a message that does not fit into the socket at once arrives whole, with its
// descriptors.
func TestLongMessage(t *testing.T) {
	from, to := pair(t)
	_, writers := pipes(t, 3)
	names := make([]string, 20000)
	for i := range names {
		names[i] = fmt.Sprintf("name %d %s", i, strings.Repeat("x", i%100))
	}
	sent := make(chan error, 1)
	go func() { sent <- Send(from, Request{Names: names}, writers...) }()
	var q Request
	files, err := Receive(to, &q)
	defer CloseAll(files)
	if err = errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 || len(q.Names) != len(names) || q.Names[19999] != names[19999] {
		t.Errorf("%d descriptors, %d names", len(files), len(q.Names))
	}
}

// TestClasses checks that an error's class and text survive the way to the daemon, and that an error of two classes
// always keeps the more specific one.
func TestClasses(t *testing.T) {
	for _, row := range []struct {
		err  error
		is   []error
		not  []error
		text string
	}{
		{fmt.Errorf("container x: %w", errdefs.ErrNotFound), []error{errdefs.ErrNotFound},
			[]error{errdefs.ErrConflict}, "container x: not found"},
		{fmt.Errorf("limit: %w", errdefs.ErrInvalidArgument), []error{errdefs.ErrInvalidArgument}, nil,
			"limit: invalid argument"},
		{fmt.Errorf("x: %w", errdefs.ErrAlreadyExists), []error{errdefs.ErrAlreadyExists}, nil, "x: already exists"},
		{fmt.Errorf("x: %w", errdefs.ErrConflict), []error{errdefs.ErrConflict}, nil, "x: conflict"},
		{fmt.Errorf("x: %w", errdefs.ErrFailedPrecondition), []error{errdefs.ErrFailedPrecondition}, nil,
			"x: failed precondition"},
		{fmt.Errorf("x: %w", errdefs.ErrUnavailable), []error{errdefs.ErrUnavailable}, nil, "x: unavailable"},
		{errors.New("disk on fire"), nil, []error{errdefs.ErrNotFound, errdefs.ErrInvalidArgument,
			errdefs.ErrUnavailable}, "disk on fire"},
		{fmt.Errorf("a: %w: %w", errdefs.ErrConflict, errdefs.ErrNotFound), []error{errdefs.ErrNotFound},
			[]error{errdefs.ErrConflict}, "a: conflict: not found"},
	} {
		for range 20 { // repeated, since the order of a map would vary
			got := overTheWire(t, Fail(row.err)).Err()
			if got == nil || got.Error() != row.text {
				t.Fatalf("%v became %v", row.err, got)
			}
			for _, class := range row.is {
				if !errors.Is(got, class) {
					t.Errorf("%v is not %v", got, class)
				}
			}
			for _, class := range row.not {
				if errors.Is(got, class) {
					t.Errorf("%v is %v", got, class)
				}
			}
		}
	}
	if err := overTheWire(t, Reply{Version: ProtocolVersion, Pid: 7}).Err(); err != nil {
		t.Error(err)
	}
}

// overTheWire returns r as the other side reads it.
func overTheWire(t *testing.T, r Reply) (got Reply) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}
