package dockerd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"box/personalities/cmd"
)

// foreign is one option of Docker's that box has not.
type foreign struct {
	key, flag, word string // word stands for the value in help
	of              kind
	but             []string // values that ask for nothing
	reason          string
}

func (r *foreign) setting(says string, value cmd.Setter) setting {
	return setting{key: r.key, kind: r.of, value: value, name: r.flag, word: r.word, help: says + r.reason, hidden: true}
}

// foreignTable is what Docker's daemon has and box has not. What cannot be left out without changing what containers do or may is
// refused; what only says how Docker's parts work together is taken with a note.
func (o *options) foreignTable() (list []setting) {
	for _, r := range []foreign{
		{"allow-direct-routing", "allow-direct-routing", "", aBool, []string{"false"}, "containers are reached through published ports alone"},
		{"bip6", "bip6", "string", aString, []string{""}, noIPv6},
		{"bridge-accept-fwmark", "bridge-accept-fwmark", "string", aString, []string{""}, "its rules do not look at marks"},
		{"cdi-spec-dirs", "cdi-spec-dir", "list", aList, nil, "there are no CDI devices: give devices by --device"},
		{"cpu-rt-period", "cpu-rt-period", "int", aNumber, []string{"0"}, noRealtime},
		{"cpu-rt-runtime", "cpu-rt-runtime", "int", aNumber, []string{"0"}, noRealtime},
		{"cri-containerd", "cri-containerd", "", aBool, []string{"false"}, "there is no containerd that could serve Kubernetes"},
		{"default-gateway-v6", "default-gateway-v6", "ip", aString, []string{""}, noIPv6},
		{"default-network-opts", "default-network-opt", "map", anObject, nil, "only the default bridge is made; its options are flags of the daemon"},
		{"exec-opts", "exec-opt", "list", aList, []string{"native.cgroupdriver=cgroupfs"}, "control groups are made in the file system, without systemd: native.cgroupdriver=cgroupfs is the one driver"},
		{"firewall-backend", "firewall-backend", "string", aString, []string{"", "nftables"}, "nftables is the one that is used, by netlink"},
		{"fixed-cidr-v6", "fixed-cidr-v6", "string", aString, []string{""}, noIPv6},
		{"ipv6", "ipv6", "", aBool, []string{"false"}, noIPv6},
		{"metrics-addr", "metrics-addr", "string", aString, []string{""}, "the daemon serves no metrics"},
		{"network-diagnostic-port", "network-diagnostic-port", "int", aNumber, []string{"0"}, "networks have no diagnostic server"},
		{"nri-opts", "nri-opts", "map", anObject, []string{"enable=false"}, "there is no Node Resource Interface"},
		{"rootless", "rootless", "", aBool, []string{"false"}, "the daemon needs root: --userns-remap keeps root of containers from being root of the host"},
		{"runtimes", "add-runtime", "runtime", anObject, nil, "the runtimes box and runc are built in, and others are not run"},
		{"selinux-enabled", "selinux-enabled", "", aBool, []string{"false"}, "SELinux labels are given where --security-opt label=... of a container asks for them"},
		{"node-generic-resources", "node-generic-resource", "list", aList, nil, noSwarm},
		{"swarm-default-advertise-addr", "swarm-default-advertise-addr", "string", aString, []string{""}, noSwarm},
		{"swarm-raft-election-tick", "", "", aNumber, []string{"0"}, noSwarm},
		{"swarm-raft-heartbeat-tick", "", "", aNumber, []string{"0"}, noSwarm},
	} {
		list = append(list, r.setting("Refused: ", refusal{r.but, r.reason}))
	}
	for _, r := range []foreign{
		{"allow-nondistributable-artifacts", "allow-nondistributable-artifacts", "list", aList, nil, "deprecated in Docker too: every layer is pushed"},
		{"builder", "", "", anObject, nil, "there is no BuildKit service whose cache could be collected"},
		{"containerd", "containerd", "string", aString, []string{""}, "box needs no containerd"},
		{"containerd-namespace", "containerd-namespace", "string", aString, nil, "box needs no containerd"},
		{"containerd-plugin-namespace", "containerd-plugins-namespace", "string", aString, nil, "box needs no containerd"},
		{"default-init", "", "", aString, []string{"", "docker-init"}, "box itself is the init, or what --init-path names"},
		{"features", "feature", "map", anObject, []string{"buildkit=false"}, "box has no features to switch"},
		{"ip-forward-no-drop", "ip-forward-no-drop", "", aBool, []string{"true"}, "the policy of the FORWARD chain is left alone in any case"},
		{"ip6tables", "ip6tables", "", aBool, []string{"false"}, "containers have IPv4 alone, so there are no rules for IPv6; published ports on [::] are forwarded by a process"},
		{"network-control-plane-mtu", "network-control-plane-mtu", "int", aNumber, []string{"1500"}, noSwarm},
		{"userland-proxy", "userland-proxy", "", aBool, []string{"true", "false"}, "rules forward published ports, and the keeper where no rule can"},
		{"userland-proxy-path", "userland-proxy-path", "string", aString, []string{""}, "the keeper forwards where no rule can"},
	} {
		list = append(list, r.setting("Not used: ", unused{o, cmp.Or(r.flag, r.key), r.but, r.reason}))
	}
	return append(list, setting{key: "api-cors-header", kind: aString, value: gone{}, name: "api-cors-header", word: "string", hidden: true})
}

// Reasons that several options share.
const (
	noIPv6     = "containers have IPv4 alone"
	noRealtime = "the realtime budget of the parent control group is the host's to set, in cpu.rt_runtime_us"
	noSwarm    = "there is no swarm mode"
)

// gone is an option that Docker took away, in Docker's words.
type gone struct{}

// Set refuses all.
func (gone) Set(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(`DEPRECATED: The "api-cors-header" config parameter and the dockerd "--api-cors-header" option have been removed; use a reverse proxy if you need CORS headers`)
}

// foreignHelp is the last paragraph of the help: what is refused or not used, by name.
func foreignHelp() string {
	var refused, idle []string
	for _, s := range defaults().foreignTable() {
		switch s.value.(type) {
		case refusal, gone:
			refused = append(refused, cmp.Or(s.name, s.key))
		case unused:
			idle = append(idle, cmp.Or(s.name, s.key))
		}
	}
	return fmt.Sprintf("Options of Docker's that box refuses, each with its reason: %s.\n\nOptions of Docker's that are taken and not used: %s.",
		strings.Join(refused, " "), strings.Join(idle, " "))
}
