// Package network is the part of the host's network that box runs: bridges, the network namespaces of containers and
// the links into them, addresses, published ports and the rules for all of it (engine/network/firewall). It speaks
// netlink only and runs no program.
//
// Several daemons may use one bridge. Each has an nf_tables table of its own there, whose first rule names its exec
// root, and its links are in a group of its own (owner.go); what another has there stays.
// route_localnet is set after the rules that guard it are in force, and cleared before the last of them go. A daemon
// that ends with no container running takes its tables, the bridges that it made and the parents of control groups
// that it made (they have an attribute, engine/cgroup/parents.go) with it; the next start makes them again.
package network
