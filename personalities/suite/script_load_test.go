package suite

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/bbolt"
)

// loads are the clients of one script that ask all the time.
type loads struct {
	stop chan struct{}
	wait sync.WaitGroup
	list []*load
	kept []net.Conn // until the script has ended: programs end with the connections that they serve
}

// loadsKey is where a script has its loads.
type loadsKey struct{}

// load is one client: what it asks, how often it was answered, and the first time that it was not.
type load struct {
	what string
	done atomic.Int64
	err  error // read after it ended
}

// answerWithin is how long a client waits, on a busy machine, before it counts as not answered.
const answerWithin = time.Minute

// startLoad is the command `load KIND NETWORK ADDRESS [PATH]`: in the background, until `end-load`, `load get` asks
// for PATH over a new connection each time, `load connect` makes one and no more, and `load echo` sends lines over
// one whose other end sends them back.
func startLoad(s *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		s.Fatalf("usage: load get|connect|echo network address [path]")
	}
	network, address, path := args[1], args[2], strings.Join(args[3:], "")
	all, _ := s.Value(loadsKey{}).(*loads)
	l := &load{what: strings.Join(args, " ")}
	all.list = append(all.list, l)
	step := func() error { return getOnce(network, address, path) }
	switch args[0] {
	case "connect":
		step = func() error { return connectOnce(network, address) }
	case "echo":
		conn, err := net.Dial(network, address)
		s.Check(err)
		all.kept = append(all.kept, conn)
		step = echoOnce(conn)
	}
	s.Check(step())
	stop := all.stop
	all.wait.Go(func() {
		for n := 0; l.err == nil; n++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				l.err = step()
				l.done.Add(1)
			}
		}
	})
}

// endLoad is `end-load COUNT`: every client was answered each time, COUNT times at least.
func endLoad(s *testscript.TestScript, _ bool, args []string) {
	all, _ := s.Value(loadsKey{}).(*loads)
	all.end()
	least := int64(1)
	if len(args) > 0 {
		_, err := fmt.Sscan(args[0], &least)
		s.Check(err)
	}
	list := all.list
	all.list = nil
	for _, l := range list {
		s.Logf("%s: %d times", l.what, l.done.Load())
		if n := l.done.Load(); l.err != nil || n < least {
			s.Fatalf("%s: asked %d times, then: %v", l.what, n, l.err)
		}
	}
}

func (a *loads) end() {
	close(a.stop)
	a.wait.Wait()
	a.stop = make(chan struct{})
}

// close ends what end left.
func (a *loads) close() {
	a.end()
	for _, c := range a.kept {
		c.Close()
	}
}

// connectOnce is content with being let in.
func connectOnce(network, address string) error {
	c, err := net.Dial(network, address)
	if err != nil {
		return err
	}
	return c.Close()
}

func getOnce(network, address, path string) error {
	c, err := net.Dial(network, address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(answerWithin))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: load\r\n\r\n", path); err != nil {
		return err
	}
	reply, err := io.ReadAll(c)
	if err == nil && !strings.Contains(strings.SplitN(string(reply), "\r\n", 2)[0], " 200 ") {
		err = fmt.Errorf("answered %q", reply)
	}
	return err
}

// echoOnce returns what sends one more line and waits for it to come back.
func echoOnce(c net.Conn) func() error {
	n, back := 0, bufio.NewReader(c)
	return func() error {
		n++
		want := fmt.Sprintf("line %d %s\n", n, strings.Repeat("x", n%3000))
		_ = c.SetDeadline(time.Now().Add(answerWithin))
		if _, err := io.WriteString(c, want); err != nil {
			return err
		}
		got, err := back.ReadString('\n')
		if err == nil && got != want {
			err = fmt.Errorf("sent %q, %q came back", want, got)
		}
		return err
	}
}

// otherBuild is `other-build FILE NEW`: a copy of an executable that is another one to box, as the next version's is.
func otherBuild(s *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		s.Fatalf("usage: other-build file new")
	}
	raw, err := os.ReadFile(s.MkAbs(args[0]))
	s.Check(err)
	s.Check(os.WriteFile(s.MkAbs(args[1]), append(raw, "another build"...), 0o755))
}

// stateVersion is `state-version FILE N`: the state file says that it is of version N.
func stateVersion(s *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		s.Fatalf("usage: state-version file number")
	}
	db, err := bbolt.Open(s.MkAbs(args[0]), 0o600, &bbolt.Options{Timeout: time.Second, NoFreelistSync: true})
	s.Check(err)
	s.Check(db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("version"),
			[]byte(args[1]))
	}))
	s.Check(db.Close())
}
