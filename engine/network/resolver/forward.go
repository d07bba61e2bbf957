package resolver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// How long servers are waited for: the next one is asked too after a while, and in the end nobody has answered.
const (
	nextServer = 800 * time.Millisecond
	giveUp     = 4 * time.Second
)

// port is that of every server.
const port = 53

// Dial opens a connection towards a server, over udp or tcp.
type Dial func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error)

// errNobody means that no server has answered.
var errNobody = errors.New("no server has answered")

// forward asks servers, the next one when the one before has not answered for a while, and returns the first good
// answer, else the last one.
func forward(ctx context.Context, dial Dial, network string, servers []netip.Addr, q *query) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	type result struct {
		answer []byte
		err    error
	}
	results := make(chan result, len(servers))
	asked, answered := 0, 0
	var last []byte
	next := time.NewTimer(0)
	defer next.Stop()
	for answered < len(servers) {
		select {
		case <-ctx.Done():
			if last != nil {
				return last, nil
			}
			return nil, errNobody
		case <-next.C:
			if asked == len(servers) {
				continue
			}
			server := netip.AddrPortFrom(servers[asked], port)
			asked++
			next.Reset(nextServer)
			go func() {
				answer, err := ask(ctx, dial, network, server, q)
				results <- result{answer, err}
			}()
		case r := <-results:
			answered++
			if r.err == nil && good(r.answer) {
				return r.answer, nil
			}
			if r.err == nil {
				last = r.answer
			}
			next.Reset(0)
		}
	}
	if last == nil {
		return nil, errNobody
	}
	return last, nil
}

// good tells whether an answer is one that no other server has to be asked after.
func good(answer []byte) bool {
	code := dnsmessage.RCode(answer[3] & 0xf)
	return code == dnsmessage.RCodeSuccess || code == dnsmessage.RCodeNameError
}

// ask asks one server, under an ID of our own.
func ask(ctx context.Context, dial Dial, network string, server netip.AddrPort, q *query) ([]byte, error) {
	conn, err := dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	raw := append([]byte(nil), q.raw...)
	if _, err := rand.Read(raw[:2]); err != nil {
		return nil, err
	}
	if err := send(conn, network, raw); err != nil {
		return nil, err
	}
	for {
		answer, err := receive(conn, network)
		if err != nil {
			return nil, err
		}
		if answers(answer, raw[:2], q) {
			binary.BigEndian.PutUint16(answer, q.header.ID)
			return answer, nil
		}
		if network == "tcp" {
			return nil, fmt.Errorf("%s answers something else", server)
		}
	}
}

// answers tells whether a message is the answer to a question that was sent under an ID.
func answers(answer, id []byte, q *query) bool {
	var p dnsmessage.Parser
	h, err := p.Start(answer)
	if err != nil || !h.Response || answer[0] != id[0] || answer[1] != id[1] {
		return false
	}
	if h.RCode == dnsmessage.RCodeFormatError && len(answer) == 12 {
		return true // a server may leave the question out then
	}
	got, err := p.Question()
	return err == nil && got.Type == q.question.Type && got.Class == q.question.Class &&
		strings.EqualFold(got.Name.String(), q.question.Name.String())
}

// send writes a message; by TCP its length comes first (RFC 1035, 4.2.2).
func send(w io.Writer, network string, raw []byte) error {
	if network == "tcp" {
		raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	_, err := w.Write(raw)
	return err
}

// receive reads a message.
func receive(r io.Reader, network string) ([]byte, error) {
	if network != "tcp" {
		raw := make([]byte, largest)
		n, err := r.Read(raw)
		return raw[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, raw)
	return raw, err
}
