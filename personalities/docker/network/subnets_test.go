package network

import (
	"encoding/json"
	"testing"
)

// TestSubnets: what belongs to which subnet, and what belongs to none; the texts of errors are Docker's where it has
// one.
func TestSubnets(t *testing.T) {
	const one, two, six = "10.0.0.0/24", "10.1.0.0/24", "fd00::/64"
	for _, row := range []struct {
		f           Create
		config, err string
	}{
		{Create{}, `[]`, ""},
		{Create{Subnet: []string{one + "," + two}}, `[{"Subnet":"10.0.0.0/24"},{"Subnet":"10.1.0.0/24"}]`, ""},
		{Create{Subnet: []string{one}, Gateway: []string{"10.0.0.1"}, IPRange: []string{"10.0.0.128/25"},
			AuxAddress: []string{"a=10.0.0.5", "b=10.0.0.6"}},
			`[{"Subnet":"10.0.0.0/24","IPRange":"10.0.0.128/25","Gateway":"10.0.0.1",` +
				`"AuxiliaryAddresses":{"a":"10.0.0.5","b":"10.0.0.6"}}]`, ""},
		{Create{Subnet: []string{one, six}, Gateway: []string{"fd00::1", "10.0.0.1"}},
			`[{"Subnet":"10.0.0.0/24","Gateway":"10.0.0.1"},{"Subnet":"fd00::/64","Gateway":"fd00::1"}]`, ""},
		{Create{Subnet: []string{one, "10.0.0.128/25"}}, "", "multiple overlapping subnet configuration is not supported"},
		{Create{Subnet: []string{"10.0.0.0/33"}}, "",
			`invalid subnet 10.0.0.0/33: netip.ParsePrefix("10.0.0.0/33"): prefix length out of range`},
		{Create{Gateway: []string{"10.0.0.1"}}, "", "every ip-range or gateway must have a corresponding subnet"},
		{Create{IPRange: []string{one}}, "", "every ip-range or gateway must have a corresponding subnet"},
		{Create{Subnet: []string{one}, Gateway: []string{"10.0.0.1", "10.0.0.2"}}, "",
			"every ip-range or gateway must have a corresponding subnet"},
		{Create{Subnet: []string{one, two}, Gateway: []string{"10.0.0.1,10.0.0.2"}}, "",
			"cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/24)"},
		{Create{Subnet: []string{one, two}, IPRange: []string{"10.0.0.0/25", "10.0.0.128/25"}}, "",
			"cannot configure multiple ranges (10.0.0.128/25, 10.0.0.0/25) on the same subnet (10.0.0.0/24)"},
		{Create{Subnet: []string{one}, Gateway: []string{"10.1.0.1"}}, "", "no matching subnet for gateway 10.1.0.1"},
		{Create{Subnet: []string{one}, IPRange: []string{"10.1.0.0/25"}}, "", "no matching subnet for range 10.1.0.0/25"},
		{Create{AuxAddress: []string{"a=10.1.0.1"}}, "", "no matching subnet for aux-address 10.1.0.1"},
		{Create{Subnet: []string{one}, Gateway: []string{"x"}}, "", `invalid gateway x: ParseAddr("x"): unable to parse IP`},
		{Create{Subnet: []string{one}, AuxAddress: []string{"a"}}, "",
			`invalid aux-address a: ParseAddr(""): unable to parse IP`},
	} {
		body, err := row.f.request("n")
		switch {
		case row.err != "":
			if err == nil || err.Error() != row.err {
				t.Errorf("%+v: %v, want %s", row.f, err, row.err)
			}
		case err != nil:
			t.Errorf("%+v: %v", row.f, err)
		default:
			if raw, err := json.Marshal(body.IPAM.Config); err != nil || string(raw) != row.config {
				t.Errorf("%+v: %s, %v", row.f, raw, err)
			}
		}
	}
}

// TestRequest: every flag is where the daemon looks for it.
func TestRequest(t *testing.T) {
	no := false
	f := Create{Driver: "macvlan", Scope: "swarm", Internal: true, Attachable: true, Ingress: true, ConfigOnly: true,
		ConfigFrom: "c", Opt: []string{"parent=eth0", "a"}, Label: []string{"x", "y=z"}, IpamDriver: "d",
		IpamOpt: []string{"k=v"}, IPv4: &no}
	body, err := f.request("n")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(body)
	const want = `{"Name":"n","Driver":"macvlan","Scope":"swarm","EnableIPv4":false,"IPAM":{"Driver":"d","Options":{"k":"v"},` +
		`"Config":[]},"Internal":true,"Attachable":true,"Ingress":true,"ConfigOnly":true,"ConfigFrom":{"Network":"c"},` +
		`"Options":{"a":"","parent":"eth0"},"Labels":{"x":"","y":"z"}}`
	if err != nil || string(raw) != want {
		t.Errorf("%s, %v", raw, err)
	}
}
