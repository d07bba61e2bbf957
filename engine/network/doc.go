// Package network is the part of the host's network that box runs: bridges, the network namespaces of containers and
// the links into them, addresses, published ports and the rules for all of it (engine/network/firewall). It speaks
// netlink only and runs no program.
//
// Several daemons may use one bridge. Each has its own nf_tables table there, whose first rule names its exec root,
// and its own group of links (owner.go). It leaves alone what another has there. route_localnet is set after the
// rules that guard it are in force, and cleared before the last of them go. A daemon that ends while no container
// runs removes its tables, the bridges that it made and the parents of control groups that it made (they have an
// attribute, engine/cgroup/parents.go); the next start makes them again.
package network
