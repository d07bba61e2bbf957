package task

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/containerd/errdefs"
)

// TestNames checks that a change of names arrives as it was sent, and that a keeper from before there were names is
// told from one that finds the change wrong.
func TestNames(t *testing.T) {
	sent := Names{
		Whole: true,
		Zones: []Zone{{Network: "n1", Name: "back", Whole: true, Hosts: []Host{{Endpoint: "e1", Names: []string{"db", "d1"},
			Addresses: []netip.Addr{netip.MustParseAddr("172.18.0.2"), netip.MustParseAddr("fd00::2")}}}}},
		Resolvers: []Resolver{{Container: "c1", Namespace: "/run/ns/c1", Networks: []string{"n1"},
			Links: map[string]string{"base": "db"}, Servers: []netip.Addr{netip.MustParseAddr("10.0.0.53")}}},
	}
	for _, row := range []struct {
		what   string
		answer error
		is     func(error) bool
	}{
		{"taken", nil, func(err error) bool { return err == nil }},
		{"an old keeper", errdefs.ErrInvalidArgument.WithMessage(`keeper does not know "names"`), errdefs.IsNotImplemented},
		{"refused", errdefs.ErrInvalidArgument.WithMessage("resolver without a container"), errdefs.IsInvalidArgument},
	} {
		socket := filepath.Join(t.TempDir(), "k")
		came := make(chan Request, 1)
		keeperAt(t, socket, func(_ int, conn *net.UnixConn) {
			q, _ := request(conn)
			came <- q
			reply := Reply{Version: ProtocolVersion}
			if row.answer != nil {
				reply = Fail(row.answer)
			}
			_ = Send(conn, reply)
		})
		if err := Dial(socket).Names(context.Background(), sent); !row.is(err) {
			t.Errorf("%s: %v", row.what, err)
		}
		if q := <-came; q.Verb != VerbNames || !reflect.DeepEqual(*q.Table, sent) {
			t.Errorf("%s: %s of %+v came", row.what, q.Verb, q.Table)
		}
	}
}
