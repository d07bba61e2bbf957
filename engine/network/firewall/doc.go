// Package firewall writes the rules of bridges into the kernel: nf_tables, and what makes legacy iptables let packets
// pass.
//
// A bridge has a table of its own, `ip box-<bridge>` (the second daemon on one has box-<bridge>/<digest>), whose
// first rule names the daemon. A drop in it is final; an accept holds only in that table, so chains of others that
// forwarded packets go through get a pair of rules at their head that accepts what comes from or goes to the bridge.
// route_localnet is set after the rules that guard it are in force, and cleared before the last of them go.
//
//	chain        packets                                            verdict
//	raw          from the bridge to 127/8                           drop: route_localnet would open it to containers
//	prerouting   to 127/8                                           accept: nothing that comes by a link is for it
//	prerouting   to an address and port that is published           to the container
//	prerouting   to any of the host's, port published on 0.0.0.0    to the container
//	output       the same two, for what the host itself sends       to the container
//	postrouting  from 127/8 out by the bridge                       masquerade: the answer has to come back here
//	postrouting  from the subnet by a published port back to it     masquerade: the same
//	postrouting  from the subnet out elsewhere                      masquerade, of networks with Masquerade
//	forward      between the bridge and elsewhere                   drop, of networks that are Internal
//	forward      to the bridge, of connections that are there       accept
//	forward      to the bridge, to a published port                 accept
//	forward      from the bridge back to it                         accept, or drop without ICC
//	forward      to the bridge otherwise                            drop: the port is not published
package firewall
