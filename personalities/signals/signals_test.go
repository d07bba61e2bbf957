package signals

import (
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestForward sends every signal to this process, while it also makes a mistake of its own: each arrives but for
// those about the process itself, and afterwards nothing is left in place.
func TestForward(t *testing.T) {
	before := handlers(t)
	got := make(chan unix.Signal, 100)
	stop, err := Forward(func(s unix.Signal) { got <- s })
	if err != nil {
		t.Fatal(err)
	}
	var want []unix.Signal
	for s := unix.Signal(1); s <= highest; s++ {
		if own(s) {
			continue
		}
		want = append(want, s)
		if err := unix.Kill(unix.Getpid(), s); err != nil {
			t.Fatalf("signal %d: %v", s, err)
		}
		if !mistakes(t) {
			t.Error("a nil pointer is no panic any more")
		}
	}
	var have []unix.Signal
	for range want {
		select {
		case s := <-got:
			have = append(have, s)
		case <-time.After(time.Minute):
			t.Fatalf("%d signals arrived, want %d: %v", len(have), len(want), have)
		}
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("arrived %v, want %v", have, want)
	}
	stop()
	if after := handlers(t); after != before {
		t.Errorf("handlers after stop: %#x, before %#x", after, before)
	}
}

// handlers are the addresses of those that are in place (rt_sigaction(2)).
func handlers(t *testing.T) (list [highest + 1]uintptr) {
	for s := uintptr(1); s <= highest; s++ {
		var action [4]uint64 // struct sigaction of the kernel: the handler comes first
		if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, s, 0, uintptr(unsafe.Pointer(&action)), 8, 0,
			0); errno != 0 {
			t.Fatalf("handler of signal %d: %v", s, errno)
		}
		list[s] = uintptr(action[0])
	}
	return list
}

// TestOften has signals come while goroutines move between threads and stacks grow.
func TestOften(t *testing.T) {
	const sent = 2000
	count := 0
	arrived := make(chan struct{}, sent)
	stop, err := Forward(func(unix.Signal) { count++; arrived <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	for range 4 {
		go func() {
			for {
				select {
				case <-done:
					return
				default:
					deep(50)
				}
			}
		}()
	}
	for range sent {
		if err := unix.Kill(unix.Getpid(), 40); err != nil { // a realtime signal: each is delivered
			t.Fatal(err)
		}
	}
	for n := range sent {
		select {
		case <-arrived:
		case <-time.After(time.Minute):
			t.Fatalf("%d signals arrived, want %d", n, sent)
		}
	}
	close(done)
	stop()
	if count != sent {
		t.Errorf("%d signals, want %d", count, sent)
	}
}

func deep(n int) byte {
	var room [512]byte
	if n > 0 {
		room[n%512] = deep(n - 1)
	}
	return room[n%512]
}

// mistakes tells whether a fault of this program is a panic.
func mistakes(t *testing.T) (caught bool) {
	t.Helper()
	defer func() { caught = recover() != nil }()
	var nothing *struct{ flags int }
	return nothing.flags == 1
}
