// Command bench-names asks the resolver of its container for names, on CLIENTS sockets at once for SECONDS, and prints
// how many answers came in a second: bench-names CLIENTS SECONDS NAME...
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolver is where containers on networks of one's own find their names.
const resolver = "127.0.0.11:53"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("bench-names CLIENTS SECONDS NAME...")
	}
	clients, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var answers, failed atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for range clients {
		all.Go(func() {
			n, err := ask(args[2:], end)
			answers.Add(n)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if failed.Load() > 0 {
		return fmt.Errorf("%d of %d clients failed", failed.Load(), clients)
	}
	fmt.Println(answers.Load() / int64(seconds))
	return nil
}

// ask asks for one name after the other until end, and counts the answers.
func ask(names []string, end time.Time) (n int64, err error) {
	conn, err := net.Dial("udp", resolver)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	reply := make([]byte, 512)
	for id := uint16(1); time.Now().Before(end); id++ {
		name, err := dnsmessage.NewName(names[int(id)%len(names)] + ".")
		if err != nil {
			return n, err
		}
		q := dnsmessage.Message{Header: dnsmessage.Header{ID: id, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
		raw, err := q.Pack()
		if err != nil {
			return n, err
		}
		if _, err := conn.Write(raw); err != nil {
			return n, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return n, err
		}
		got, err := conn.Read(reply)
		if err != nil {
			return n, err
		}
		var a dnsmessage.Message
		if err := a.Unpack(reply[:got]); err != nil {
			return n, err
		}
		if a.ID != id || len(a.Answers) == 0 {
			return n, fmt.Errorf("%s: answer %d has no address: %v", name, a.ID, a.RCode)
		}
		n++
	}
	return n, nil
}
