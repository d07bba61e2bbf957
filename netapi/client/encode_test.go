package client

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
)

// theirs is what encoding/json makes of v.
func theirs(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// TestMarshalRequests fills the bodies of requests at random: what is sent is what encoding/json would send, byte for byte.
func TestMarshalRequests(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		for _, v := range []any{
			&container.CreateRequest{}, &container.UpdateConfig{}, &container.ExecCreateRequest{}, &container.ExecStartRequest{},
			&network.CreateRequest{}, &network.ConnectRequest{}, &network.DisconnectRequest{}, &volume.CreateRequest{},
		} {
			fill(reflect.ValueOf(v).Elem(), r, 0)
			for _, v := range []any{v, reflect.ValueOf(v).Elem().Interface()} {
				want, wrong := theirs(v)
				got, err := marshal(v)
				if wrong != nil || err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%T:\n%s(%v), want\n%s(%v)", v, got, err, want, wrong)
				}
			}
		}
	}
}

type odd struct{ A int }

func (o *odd) MarshalJSON() ([]byte, error) { return []byte(`"odd"`), nil }

type Inner struct {
	A int `json:",omitempty"`
	B string
}

// TestMarshalKinds has what requests do not: each is as encoding/json has it.
func TestMarshalKinds(t *testing.T) {
	for _, v := range []any{
		nil, true, int8(-3), uint64(math.MaxUint64), 1.5, float32(1e30), "", "a<b>&\"\\\n\x7f\xffé\u2028", []byte("bytes"), []byte(nil), []string(nil), [2]int{1, 2},
		map[string]int{"b": 1, "a<": 2}, map[int]string{2: "x", 1: "y"}, map[string]any(nil), []any{nil, 1, "x", map[string]any{"k": []int{}}},
		struct {
			Inner
			A int `json:",omitempty"`
		}{Inner: Inner{A: 1}},
		struct{ *Inner }{},
		struct {
			N int `json:",string"`
		}{3},
		struct {
			Hidden int       `json:"-"`
			Dash   int       `json:"-,"`
			Zero   time.Time `json:",omitzero"`
			Empty  struct{}  `json:",omitempty"`
			own    int
		}{},
		odd{1}, &odd{1}, []odd{{1}}, &struct{ O odd }{}, struct{ O odd }{}, map[string]odd{"x": {}},
		netip.MustParseAddr("10.0.0.1"), json.RawMessage(`{"a": 1}`), time.Unix(0, 0).UTC(),
	} {
		want, wrong := theirs(v)
		got, err := marshal(v)
		if wrong != nil || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%#v: %s(%v), want %s(%v)", v, got, err, want, wrong)
		}
	}
	for _, v := range []any{math.NaN(), struct{ C chan int }{}, []any{func() {}}} {
		if got, err := marshal(v); err == nil {
			t.Errorf("%T is written as %s", v, got)
		}
	}
}

// fill sets v at random.
func fill(v reflect.Value, r *rand.Rand, depth int) {
	if !v.CanSet() || depth > 7 || r.IntN(4) == 0 {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.Int())})))
		return
	case reflect.TypeFor[netip.Prefix]():
		v.Set(reflect.ValueOf(netip.MustParsePrefix("10.1.0.0/16")))
		return
	case reflect.TypeFor[network.Port]():
		p, _ := network.PortFrom(uint16(1+r.IntN(60000)), network.TCP)
		v.Set(reflect.ValueOf(p))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int64N(100) - 50)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64N(100))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(r.Float64())
	case reflect.String:
		v.SetString([]string{"", "plain", "a && b <c>", "Zeile\n\"é\""}[r.IntN(4)])
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), r, depth+1)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf("anything"))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			fill(v.Index(i), r, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, r, depth+1)
			fill(value, r, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), r, depth+1)
		}
	}
}
