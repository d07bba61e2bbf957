package firewall

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

type baseChain struct {
	name     string
	kind     nftables.ChainType
	hook     *nftables.ChainHook
	priority *nftables.ChainPriority
}

var baseChains = []baseChain{
	{"raw", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw},
	{"prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest},
	{"output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest},
	{"postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource},
	{"forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter},
}

type ruleRow struct {
	chain string
	exprs []expr.Any
}

// bridgeRules returns box's rules for packets from and to a bridge. A drop in them is final; an accept holds only in
// this table.
func bridgeRules(b Bridge, ports *nftables.Set) []ruleRow {
	from, to := iif(b.Name, true), oif(b.Name, true)
	subnet, loop := b.Subnet, netip.MustParsePrefix("127.0.0.0/8")
	rows := []ruleRow{
		// route_localnet on the bridge would otherwise open the host's loopback to containers.
		{"raw", rule(from, daddr(loop), drop())},
		// Nothing that comes in by a link is for 127/8, whatever is published there.
		{"prerouting", rule(daddr(loop), accept())},
		{"prerouting", publishedHere(ports)},
		{"prerouting", publishedAnywhere(ports)},
		{"output", publishedHere(ports)},
		{"output", publishedAnywhere(ports)},
		// The answers have to come through here: to 127.0.0.1 from the bridge, and to a container from its own
		// bridge.
		{"postrouting", rule(to, saddr(loop), masquerade())},
		{"postrouting", rule(to, saddr(subnet), dnatted(), masquerade())},
	}
	if b.Masquerade {
		rows = append(rows, ruleRow{"postrouting", rule(oif(b.Name, false), saddr(subnet), masquerade())})
	}
	if b.Internal {
		rows = append(rows,
			ruleRow{"forward", rule(from, oif(b.Name, false), drop())},
			ruleRow{"forward", rule(to, iif(b.Name, false), drop())})
	}
	neighbours := accept()
	if !b.ICC {
		neighbours = drop()
	}
	return append(rows,
		ruleRow{"forward", rule(to, answering(), accept())},
		ruleRow{"forward", rule(to, dnatted(), accept())},
		ruleRow{"forward", rule(to, from, neighbours)},
		ruleRow{"forward", rule(to, drop())}) // ports that are not published
}
