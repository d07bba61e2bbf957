package resolver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"box/engine/task"
)

const patience = time.Minute

// upstream is a server outside that answers by do; nil is no answer.
func upstream(t testing.TB, do func(q dnsmessage.Question) *dnsmessage.Message) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, largest)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			if a := do(m.Questions[0]); a != nil {
				a.ID, a.Response, a.RecursionAvailable, a.Questions = m.ID, true, true, m.Questions
				raw, err := a.Pack()
				if err == nil {
					_, _ = conn.WriteToUDPAddrPort(raw, from)
				}
			}
		}
	}()
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// rig is a server of a container on the network "one", whose servers are those of tests.
type rig struct {
	*Server
	zones *Zones
	t     testing.TB
}

// newRig makes one; outside leads from the addresses of servers to those of tests.
func newRig(t testing.TB, outside map[netip.Addr]netip.AddrPort) *rig {
	t.Helper()
	at := net.IPv4(127, 0, 0, 1)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: at})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: at})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, outside[to.Addr()].String())
	}
	zones := &Zones{}
	zones.Change([]task.Zone{{Network: "1", Name: "one", Hosts: []task.Host{
		{Endpoint: "a", Names: []string{"web", "www", "0123456789ab"}, Addresses: addresses("10.0.0.2", "fd00::2")},
		{Endpoint: "b", Names: []string{"db", "store"}, Addresses: addresses("10.0.0.3")},
		{Endpoint: "c", Names: []string{"db2", "store"}, Addresses: addresses("10.0.0.4")},
	}}, {Network: "2", Name: "two", Hosts: []task.Host{
		{Endpoint: "d", Names: []string{"web"}, Addresses: addresses("10.1.0.2")},
		{Endpoint: "e", Names: []string{"far"}, Addresses: addresses("10.1.0.3")},
	}}}, false)
	s := New(zones, udp, tcp, dial, dial)
	r := &rig{s, zones, t}
	r.set(func(*task.Resolver) {})
	s.Start()
	t.Cleanup(s.Close)
	return r
}

func (r *rig) set(change func(*task.Resolver)) {
	q := task.Resolver{Container: "x", Networks: []string{"1"}, Servers: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		Links: map[string]string{"mine": "db"}}
	change(&q)
	r.Set(q)
}

func addresses(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func question(t testing.TB, name string, kind dnsmessage.Type, edns int) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(name + "."), Type: kind, Class: dnsmessage.ClassINET}}}
	if edns > 0 {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(edns, 0, true); err != nil {
			t.Fatal(err)
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// exchange sends a message over udp or tcp and returns the answer.
func (r *rig) exchange(network string, raw []byte) dnsmessage.Message {
	r.t.Helper()
	at := r.udp.LocalAddr()
	if network == "tcp" {
		at = r.tcp.Addr()
	}
	conn, err := net.Dial(network, at.String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	var answer []byte
	for end := time.Now().Add(patience); ; { // a datagram may be lost where many come at once
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		if err := send(conn, network, raw); err != nil {
			r.t.Fatal(err)
		}
		if answer, err = receive(conn, network); err == nil {
			break
		}
		if network == "tcp" || time.Now().After(end) {
			r.t.Fatal(err)
		}
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil {
		r.t.Fatal(err)
	}
	return m
}

// told is an answer in a line: the addresses or names in order, or what kind of none it is.
func told(m *dnsmessage.Message) string {
	var list []string
	for _, a := range m.Answers {
		switch b := a.Body.(type) {
		case *dnsmessage.AResource:
			list = append(list, netip.AddrFrom4(b.A).String())
		case *dnsmessage.AAAAResource:
			list = append(list, netip.AddrFrom16(b.AAAA).String())
		case *dnsmessage.PTRResource:
			list = append(list, b.PTR.String())
		}
	}
	slices.Sort(list)
	if len(list) == 0 || m.RCode != 0 {
		list = append(list, strings.TrimPrefix(m.RCode.String(), "RCode"))
	}
	if m.Truncated {
		list = append(list, "truncated")
	}
	return strings.Join(list, " ")
}

// TestAnswers: what is known of networks, and who is asked for what is not.
func TestAnswers(t *testing.T) {
	outside := upstream(t, func(q dnsmessage.Question) *dnsmessage.Message {
		switch q.Name.String() {
		case "outside.example.":
			return &dnsmessage.Message{Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name,
				Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 9}}}}}
		case "large.example.":
			m := &dnsmessage.Message{}
			for i := range 60 {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
					Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(i)}}})
			}
			return m
		}
		return &dnsmessage.Message{Header: dnsmessage.Header{RCode: dnsmessage.RCodeNameError}}
	})
	r := newRig(t, map[netip.Addr]netip.AddrPort{netip.MustParseAddr("192.0.2.1"): outside})
	const a, aaaa, ptr, mx = dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypePTR, dnsmessage.TypeMX
	for _, row := range []struct {
		name string
		kind dnsmessage.Type
		want string
	}{
		{"web", a, "10.0.0.2"}, {"WEB", a, "10.0.0.2"}, {"web.one", a, "10.0.0.2"}, {"web.two", a, "NameError"},
		{"0123456789ab", a, "10.0.0.2"}, {"web", aaaa, "fd00::2"}, {"db", aaaa, "Success"},
		{"store", a, "10.0.0.3 10.0.0.4"}, {"mine", a, "10.0.0.3"}, {"far", a, "NameError"}, {"nobody", a, "NameError"},
		{"2.0.0.10.in-addr.arpa", ptr, "web.one."}, {"9.0.0.10.in-addr.arpa", ptr, "NameError"},
		{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", ptr, "web.one."},
		{"x.in-addr.arpa", ptr, "NameError"}, {"outside.example", a, "192.0.2.9"}, {"web", mx, "NameError"},
	} {
		for _, network := range []string{"udp"} {
			m := r.exchange(network, question(t, row.name, row.kind, 0))
			if got := told(&m); got != row.want || m.ID != 7 || !m.Response || !m.RecursionAvailable {
				t.Errorf("%s %s by %s: %s (%+v), not %s", row.name, row.kind, network, got, m.Header, row.want)
			}
		}
	}
	m := r.exchange("tcp", question(t, "web", a, 0))
	if got := told(&m); got != "10.0.0.2" {
		t.Errorf("by TCP: %s", got)
	}
	for size, want := range map[int]string{0: "Success truncated", 600: "Success truncated", 4096: ""} {
		m := r.exchange("udp", question(t, "large.example", a, size))
		if got := told(&m); want != "" && got != want || want == "" && len(m.Answers) != 60 {
			t.Errorf("a large answer for %d bytes: %s", size, got)
		}
	}
	m = r.exchange("udp", question(t, "web", a, 1232))
	if len(m.Additionals) != 1 || !m.Additionals[0].Header.DNSSECAllowed() {
		t.Errorf("no OPT in %+v", m)
	}
	r.set(func(q *task.Resolver) { q.Networks = []string{"2", "1"} })
	m = r.exchange("udp", question(t, "web", a, 0))
	if got := told(&m); got != "10.1.0.2" {
		t.Errorf("on two networks: %s", got)
	}
	r.set(func(q *task.Resolver) { q.Internal = true })
	m = r.exchange("udp", question(t, "outside.example", a, 0))
	if got := told(&m); got != "ServerFailure" {
		t.Errorf("without a way out: %s", got)
	}
}

// TestRotation: each of several hosts with one name comes first at times.
func TestRotation(t *testing.T) {
	r := newRig(t, nil)
	first := map[string]bool{}
	for end := time.Now().Add(patience); len(first) < 2 && time.Now().Before(end); {
		m := r.exchange("udp", question(t, "store", dnsmessage.TypeA, 0))
		first[netip.AddrFrom4(m.Answers[0].Body.(*dnsmessage.AResource).A).String()] = true
	}
	if len(first) < 2 {
		t.Errorf("always %v", first)
	}
}

// TestMalformed: what is no question is answered as the RFC has it, or not at all, and the server goes on.
func TestMalformed(t *testing.T) {
	r := newRig(t, nil)
	good := question(t, "web", dnsmessage.TypeA, 0)
	two := slices.Clone(good)
	binary.BigEndian.PutUint16(two[4:], 2)
	notify := slices.Clone(good)
	notify[2] |= 4 << 3
	for what, row := range map[string]struct {
		raw  []byte
		want string
	}{
		"two questions": {append(two, good[12:]...), "FormatError"}, "cut off": {good[:len(good)-3], "FormatError"},
		"notify": {notify, "NotImplemented"},
	} {
		m := r.exchange("udp", row.raw)
		if got := told(&m); got != row.want || m.ID != 7 {
			t.Errorf("%s: %s, not %s", what, got, row.want)
		}
	}
	conn, err := net.Dial("udp", r.udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply := slices.Clone(good)
	reply[2] |= 1 << 7
	for _, raw := range [][]byte{{}, {1}, good[:11], reply, slices.Repeat([]byte{0xc0}, 600)} {
		if _, err := conn.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	m := r.exchange("udp", good)
	if got := told(&m); got != "10.0.0.2" {
		t.Errorf("after them: %s", got)
	}
}

// TestSilence: a server that never answers, or answers something else, keeps nobody from the next one, nor those who
// ask for what is known.
func TestSilence(t *testing.T) {
	silent := upstream(t, func(dnsmessage.Question) *dnsmessage.Message { return nil })
	var failed atomic.Int64
	failing := upstream(t, func(dnsmessage.Question) *dnsmessage.Message {
		failed.Add(1)
		return &dnsmessage.Message{Header: dnsmessage.Header{RCode: dnsmessage.RCodeServerFailure}}
	})
	fine := upstream(t, func(q dnsmessage.Question) *dnsmessage.Message {
		return &dnsmessage.Message{Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name,
			Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 9}}}}}
	})
	at := addresses("192.0.2.1", "192.0.2.2", "192.0.2.3")
	r := newRig(t, map[netip.Addr]netip.AddrPort{at[0]: silent, at[1]: failing, at[2]: fine})
	for _, order := range [][]netip.Addr{{at[0], at[2]}, {at[1], at[2]}, {at[0], at[1], at[2]}} {
		r.set(func(q *task.Resolver) { q.Servers = order })
		m := r.exchange("udp", question(t, "outside.example", dnsmessage.TypeA, 0))
		if got := told(&m); got != "192.0.2.9" {
			t.Errorf("%v: %s", order, got)
		}
	}
	if failed.Load() == 0 {
		t.Error("the one that fails was not asked")
	}
	r.set(func(q *task.Resolver) { q.Servers = at[:1] })
	conn, err := net.Dial("udp", r.udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	refused := 0
	for range 2 * mostQuestions {
		if _, err := conn.Write(question(t, "outside.example", dnsmessage.TypeA, 0)); err != nil {
			t.Fatal(err)
		}
	}
	m := r.exchange("udp", question(t, "web", dnsmessage.TypeA, 0))
	if got := told(&m); got != "10.0.0.2" {
		t.Errorf("beside them: %s", got)
	}
	for refused == 0 {
		if _, err := conn.Read(make([]byte, smallest)); err != nil {
			t.Fatal("none of too many questions was refused:", err)
		}
		refused++
	}
	if n := r.questions.Load(); n > mostQuestions {
		t.Errorf("%d questions are under way", n)
	}
}

// TestPause: what is asked while the server does not read is answered afterwards.
func TestPause(t *testing.T) {
	r := newRig(t, nil)
	r.Pause()
	conn, err := net.Dial("udp", r.udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(question(t, "web", dnsmessage.TypeA, 0)); err != nil {
		t.Fatal(err)
	}
	r.Start()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := conn.Read(make([]byte, smallest)); err != nil {
		t.Error(err)
	}
}

// TestHostFile: the host's servers are those that its file names now.
func TestHostFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	h := &hostFile{path: path}
	now := time.Now()
	for i, row := range []struct {
		text string
		want []netip.Addr
	}{
		{"nameserver 192.0.2.1\n", addresses("192.0.2.1")},
		{"search x\nnameserver 127.0.0.1\nnameserver nonsense\nnameserver fd00::1\n# nameserver 192.0.2.9\n",
			addresses("127.0.0.1", "fd00::1")},
		{strings.Repeat("nameserver 192.0.2.7\n", 5), addresses("192.0.2.7", "192.0.2.7", "192.0.2.7")},
	} {
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * freshness)
		if err := os.Chtimes(path, now, now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := h.list(now); !slices.Equal(got, row.want) {
			t.Errorf("%q: %v", row.text, got)
		}
	}
}

// TestZones: hosts come, change and go.
func TestZones(t *testing.T) {
	z := &Zones{}
	find := func(name string) string {
		list, known := z.Find([]string{"1"}, name)
		if !known {
			return "unknown"
		}
		var out []string
		for _, a := range list {
			out = append(out, a.String())
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	host := func(id, name, at string) task.Host {
		h := task.Host{Endpoint: id, Names: []string{name}}
		if at != "" {
			h.Addresses = addresses(at)
		}
		return h
	}
	for _, row := range []struct {
		change task.Zone
		whole  bool
		x, y   string
	}{
		{task.Zone{Network: "1", Name: "n", Hosts: []task.Host{host("a", "x", "10.0.0.1")}}, false, "10.0.0.1", "unknown"},
		{task.Zone{Network: "1", Name: "n", Hosts: []task.Host{host("b", "x", "10.0.0.2")}}, false, "10.0.0.1 10.0.0.2", "unknown"},
		{task.Zone{Network: "1", Name: "n", Hosts: []task.Host{host("a", "y", "10.0.0.1")}}, false, "10.0.0.2", "10.0.0.1"},
		{task.Zone{Network: "1", Name: "n", Hosts: []task.Host{host("b", "x", "")}}, false, "unknown", "10.0.0.1"},
		{task.Zone{Network: "1", Name: "n", Whole: true, Hosts: []task.Host{host("c", "x", "10.0.0.3")}}, false, "10.0.0.3", "unknown"},
		{task.Zone{Network: "2", Name: "m"}, true, "unknown", "unknown"},
		{task.Zone{Network: "1", Name: "n", Hosts: []task.Host{host("c", "x", "10.0.0.3")}}, false, "10.0.0.3", "unknown"},
		{task.Zone{Network: "1", Gone: true}, false, "unknown", "unknown"},
	} {
		z.Change([]task.Zone{row.change}, row.whole)
		if x, y := find("x"), find("y"); x != row.x || y != row.y {
			t.Errorf("after %+v: %s, %s", row.change, x, y)
		}
	}
}

// FuzzQuestion: no message harms the server, and each answer can be read.
func FuzzQuestion(f *testing.F) {
	r := newRig(f, nil)
	r.set(func(q *task.Resolver) { q.Internal = true })
	f.Add(question(f, "web", dnsmessage.TypeA, 0))
	f.Add(question(f, "2.0.0.10.in-addr.arpa", dnsmessage.TypePTR, 4096))
	f.Add([]byte{0, 1, 2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := parse(raw)
		if err == errDropped {
			return
		}
		answer, done := r.own(&q, err)
		if !done {
			answer = r.ask(&q, "udp")
		}
		if answer, err = q.fitting(answer); err != nil {
			return // a name that was read and cannot be written
		}
		var m dnsmessage.Message
		if err := m.Unpack(answer); err != nil || len(answer) > largest {
			t.Errorf("the answer to %x is %x: %v", raw, answer, err)
		}
	})
}
