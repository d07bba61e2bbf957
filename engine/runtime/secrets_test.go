package runtime

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecrets looks at a copy of this process halfway. Nothing of the heap, of a stack or of the environment is in
// it.
func TestSecrets(t *testing.T) {
	// The secret is longer than what Go keeps of registers outside of the heap.
	const name = "SECRET_OF_A_TEST"
	secret := []byte(os.Getenv(name))
	if len(secret) == 0 {
		c := exec.Command("/proc/self/exe", "-test.run=^TestSecrets$", "-test.v")
		c.Env = []string{name + "=" + fmt.Sprint("secret of ", os.Getpid(), rand.Perm(300))}
		out, err := c.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	var heap [][]byte
	for range 5 { // more than one arena
		heap = append(heap, bytes.Repeat(secret, arena/2/len(secret)))
	}
	stack := [1024]byte{}
	copy(stack[:], secret)
	found := halfway(t, secret)
	if found != 0 {
		t.Errorf("%d copies of the secret", found)
	}
	runtime.KeepAlive(heap)
	runtime.KeepAlive(&stack)
}

// halfway starts a process that waits in the middle of its steps and counts the copies of what in its memory.
func halfway(t *testing.T, what []byte) (found int) {
	t.Helper()
	var pipes [4]int
	for i := range 2 {
		if err := unix.Pipe2(pipes[2*i:2*i+2], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, fd := range pipes {
			unix.Close(fd)
		}
	}()
	s := newPlan(t, pipes[1], pipes[2])
	self, word := s.open("self", unix.SYS_GETPID), s.space(8)
	s.do("store", opStore, word, self)
	s.do("say", unix.SYS_WRITE, value(pipes[1]), word, value(4))
	s.do("wait", unix.SYS_READ, value(pipes[2]), word, value(1))
	s.last("/bin/true", "true")
	done := make(chan error, 1)
	go func() {
		pid, err := s.start(0, -1)
		if err == nil {
			_, err = unix.Wait4(pid, nil, 0, nil)
		}
		done <- err
	}()
	var pid [4]byte
	if _, err := unix.Read(pipes[0], pid[:]); err != nil {
		t.Fatal(err)
	}
	found = occurrences(t, int(binary.NativeEndian.Uint32(pid[:])), what)
	if _, err := unix.Write(pipes[3], []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("start does not end")
	}
	return found
}

// occurrences counts what in the memory of a process.
func occurrences(t *testing.T, pid int, what []byte) (n int) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid)
	maps, err := os.ReadFile(dir + "/maps")
	if os.IsPermission(err) {
		t.Skip("not root: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(dir + "/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	read := 0
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || mode[0] != 'r' || from < 0 {
			continue
		}
		p := make([]byte, to-from)
		got, _ := mem.ReadAt(p, from)
		read += got
		if c := bytes.Count(p[:got], what); c > 0 {
			t.Logf("%d in %s", c, line)
			n += c
		}
	}
	if read == 0 {
		t.Error("nothing could be read")
	}
	return n
}
