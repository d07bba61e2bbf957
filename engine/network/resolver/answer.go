package resolver

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Sizes of messages in bytes: what every client takes by UDP (RFC 1035, 4.2.1), what is sent at most by UDP, and what
// is read.
const (
	smallest = 512
	largest  = 4096
	maxRead  = 65535
)

// ttl is how long clients may keep an answer, in seconds, as in Docker.
const ttl = 600

// query is a question that was read.
type query struct {
	raw      []byte
	header   dnsmessage.Header
	question dnsmessage.Question
	extended bool // there is an OPT record (RFC 6891)
	dnssec   bool
	size     int // bytes that the client takes by UDP
}

// errDropped means that a message is not to be answered.
var errDropped = errors.New("not a question")

// parse reads a message of a client. With an error that is not errDropped, the header is set.
func parse(raw []byte) (q query, err error) {
	q = query{raw: raw, size: smallest}
	var p dnsmessage.Parser
	if q.header, err = p.Start(raw); err != nil || q.header.Response {
		return q, errDropped
	}
	if q.question, err = p.Question(); err != nil {
		return q, fmt.Errorf("question: %w", err)
	}
	if _, err = p.Question(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		return q, fmt.Errorf("more than one question")
	}
	if err = errors.Join(p.SkipAllAnswers(), p.SkipAllAuthorities()); err != nil {
		return q, err
	}
	for {
		h, err := p.AdditionalHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return q, nil
		}
		if err != nil {
			return q, err
		}
		if h.Type == dnsmessage.TypeOPT && !q.extended {
			q.extended, q.dnssec = true, h.DNSSECAllowed()
			q.size = min(max(int(h.Class), smallest), largest)
		}
		if err := p.SkipAdditional(); err != nil {
			return q, err
		}
	}
}

// name returns the name that is asked for, without the last dot.
func (q *query) name() string { return strings.TrimSuffix(q.question.Name.String(), ".") }

// reply builds an answer; add, when not nil, adds its records.
func (q *query) reply(code dnsmessage.RCode, truncated bool, add func(*dnsmessage.Builder) error) ([]byte, error) {
	b := dnsmessage.NewBuilder(make([]byte, 0, smallest), dnsmessage.Header{ID: q.header.ID, Response: true,
		OpCode: q.header.OpCode, RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true, RCode: code,
		Truncated: truncated})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if q.question.Name.Length > 0 {
		if err := b.Question(q.question); err != nil {
			return nil, err
		}
	}
	if err := b.StartAnswers(); err != nil {
		return nil, err
	}
	if add != nil {
		if err := add(&b); err != nil {
			return nil, err
		}
	}
	if q.extended {
		var h dnsmessage.ResourceHeader
		if err := errors.Join(b.StartAdditionals(), h.SetEDNS0(largest, dnsmessage.RCodeSuccess, q.dnssec)); err != nil {
			return nil, err
		}
		if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// addressed answers with addresses of the family that was asked for, in another order each time.
func (q *query) addressed(list []netip.Addr) ([]byte, error) {
	six := q.question.Type == dnsmessage.TypeAAAA
	fits := slices.DeleteFunc(slices.Clone(list), func(a netip.Addr) bool { return a.Is6() != six })
	rand.Shuffle(len(fits), func(i, j int) { fits[i], fits[j] = fits[j], fits[i] })
	h := dnsmessage.ResourceHeader{Name: q.question.Name, Class: dnsmessage.ClassINET, TTL: ttl}
	return q.reply(dnsmessage.RCodeSuccess, false, func(b *dnsmessage.Builder) (err error) {
		for _, a := range fits {
			if six {
				err = errors.Join(err, b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: a.As16()}))
			} else {
				err = errors.Join(err, b.AResource(h, dnsmessage.AResource{A: a.As4()}))
			}
		}
		return err
	})
}

func (q *query) named(name string) ([]byte, error) {
	ptr, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, err
	}
	h := dnsmessage.ResourceHeader{Name: q.question.Name, Class: dnsmessage.ClassINET, TTL: ttl}
	return q.reply(dnsmessage.RCodeSuccess, false, func(b *dnsmessage.Builder) error {
		return b.PTRResource(h, dnsmessage.PTRResource{PTR: ptr})
	})
}

// fitting returns an answer that the client takes by UDP: this one, or one that tells it to ask by TCP.
func (q *query) fitting(answer []byte) ([]byte, error) {
	if len(answer) <= q.size {
		return answer, nil
	}
	return q.reply(dnsmessage.RCodeSuccess, true, nil)
}

// reversed returns the address of a name for the way back (RFC 1035, 3.5; RFC 3596, 2.5).
func reversed(name string) (netip.Addr, bool) {
	name = strings.ToLower(name)
	if four, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(four, ".")
		slices.Reverse(parts)
		a, err := netip.ParseAddr(strings.Join(parts, "."))
		return a, err == nil && a.Is4()
	}
	six, ok := strings.CutSuffix(name, ".ip6.arpa")
	if !ok || len(six) != 63 {
		return netip.Addr{}, false
	}
	digits := strings.Split(six, ".")
	slices.Reverse(digits)
	raw, err := hex.DecodeString(strings.Join(digits, ""))
	if err != nil || len(raw) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(raw)), true
}
