package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"box/personalities/cmd"
)

// refusedOptions are options of Docker that would change what containers do or may do.
type refusedOptions struct {
	AllowDirectRouting        refused `key:"allow-direct-routing:bool" bare:"true" but:"false" hidden:"" help:"Refused: containers are reached through published ports alone"`
	BIP6                      refused `name:"bip6" key:"bip6:string" but:"|" hidden:"" help:"Refused: ${noIPv6}"`
	BridgeAcceptFwmark        refused `key:"bridge-accept-fwmark:string" but:"|" hidden:"" help:"Refused: its rules do not look at marks"`
	CdiSpecDir                refused `key:"cdi-spec-dirs:list" hidden:"" help:"Refused: there are no CDI devices: give devices by --device"`
	CPURtPeriod               refused `key:"cpu-rt-period:int" but:"0" hidden:"" help:"Refused: ${noRealtime}"`
	CPURtRuntime              refused `key:"cpu-rt-runtime:int" but:"0" hidden:"" help:"Refused: ${noRealtime}"`
	CriContainerd             refused `key:"cri-containerd:bool" bare:"true" but:"false" hidden:"" help:"Refused: there is no containerd that could serve Kubernetes"`
	DefaultGatewayV6          refused `name:"default-gateway-v6" key:"default-gateway-v6:string" but:"|" hidden:"" help:"Refused: ${noIPv6}"`
	DefaultNetworkOpt         refused `key:"default-network-opts:object" hidden:"" help:"Refused: only the default bridge is made; its options are flags of the daemon"`
	ExecOpt                   refused `key:"exec-opts:list" but:"native.cgroupdriver=cgroupfs" hidden:"" help:"Refused: control groups are made in the file system, without systemd: native.cgroupdriver=cgroupfs is the one driver"`
	FirewallBackend           refused `key:"firewall-backend:string" but:"|nftables" hidden:"" help:"Refused: nftables is the one that is used, by netlink"`
	FixedCidrV6               refused `name:"fixed-cidr-v6" key:"fixed-cidr-v6:string" but:"|" hidden:"" help:"Refused: ${noIPv6}"`
	IPv6                      refused `name:"ipv6" key:"ipv6:bool" bare:"true" but:"false" hidden:"" help:"Refused: ${noIPv6}"`
	NetworkDiagnosticPort     refused `key:"network-diagnostic-port:int" but:"0" hidden:"" help:"Refused: networks have no diagnostic server"`
	NriOpts                   refused `key:"nri-opts:object" but:"enable=false" hidden:"" help:"Refused: there is no Node Resource Interface"`
	Rootless                  refused `key:"rootless:bool" bare:"true" but:"false" hidden:"" help:"Refused: the daemon needs root: --userns-remap keeps root of containers from being root of the host"`
	AddRuntime                refused `key:"runtimes:object" hidden:"" help:"Refused: the runtimes box and runc are built in, and others are not run"`
	SelinuxEnabled            refused `key:"selinux-enabled:bool" bare:"true" but:"false" hidden:"" help:"Refused: SELinux labels are given where --security-opt label=... of a container asks for them"`
	NodeGenericResource       refused `key:"node-generic-resources:list" hidden:"" help:"Refused: ${noSwarm}"`
	SwarmDefaultAdvertiseAddr refused `key:"swarm-default-advertise-addr:string" but:"|" hidden:"" help:"Refused: ${noSwarm}"`
	SwarmRaftElectionTick     refused `key:"swarm-raft-election-tick:int" keyonly:"" but:"0" hidden:"" help:"Refused: ${noSwarm}"`
	SwarmRaftHeartbeatTick    refused `key:"swarm-raft-heartbeat-tick:int" keyonly:"" but:"0" hidden:"" help:"Refused: ${noSwarm}"`
	APICORSHeader             gone    `name:"api-cors-header" key:"api-cors-header:string" hidden:"" help:"Refused: Docker took it away"`
}

// unusedOptions are options of Docker that are only about how Docker's parts work together.
type unusedOptions struct {
	AllowNondistributableArtifacts unused `key:"allow-nondistributable-artifacts:list" hidden:"" help:"Not used: deprecated in Docker too: every layer is pushed"`
	Builder                        unused `key:"builder:object" keyonly:"" hidden:"" help:"Not used: there is no BuildKit service whose cache could be collected"`
	Containerd                     unused `key:"containerd:string" but:"|" hidden:"" help:"Not used: box needs no containerd"`
	ContainerdNamespace            unused `key:"containerd-namespace:string" hidden:"" help:"Not used: box needs no containerd"`
	ContainerdPluginsNamespace     unused `key:"containerd-plugin-namespace:string" hidden:"" help:"Not used: box needs no containerd"`
	DefaultInit                    unused `key:"default-init:string" keyonly:"" but:"|docker-init" hidden:"" help:"Not used: box itself is the init, or what --init-path names"`
	Feature                        unused `key:"features:object" but:"buildkit=false" hidden:"" help:"Not used: box has no features to switch"`
	IPForwardNoDrop                unused `key:"ip-forward-no-drop:bool" bare:"true" but:"true" hidden:"" help:"Not used: the policy of the FORWARD chain is left alone in any case"`
	IP6tables                      unused `name:"ip6tables" key:"ip6tables:bool" bare:"true" but:"false" hidden:"" help:"Not used: containers have only IPv4, so there are no rules for IPv6; published ports on [::] are forwarded by a process"`
	NetworkControlPlaneMtu         unused `key:"network-control-plane-mtu:int" but:"1500" hidden:"" help:"Not used: ${noSwarm}"`
	UserlandProxy                  unused `key:"userland-proxy:bool" bare:"true" but:"true|false" hidden:"" help:"Not used: rules forward published ports, and the keeper where no rule can"`
	UserlandProxyPath              unused `key:"userland-proxy-path:string" but:"|" hidden:"" help:"Not used: the keeper forwards where no rule can"`
}

// refused is an option of Docker that box does not support. Its help says why. The tag but lists the values that ask
// for nothing and are accepted.
type refused string

// SetTagged accepts values that ask for nothing.
func (r *refused) SetTagged(text string, o *cmd.Option) error {
	if asksNothing(text, o) {
		return nil
	}
	return fmt.Errorf("box does not support it: %s", reason(o))
}

// unused is an option of Docker that is accepted and has no effect: its value are notes about why. The tag but lists
// the values that need no note.
type unused []string

// SetTagged accepts any value.
func (u *unused) SetTagged(text string, o *cmd.Option) error {
	note := fmt.Sprintf("%s is not used: %s", o.Name, reason(o))
	if !asksNothing(text, o) && !slices.Contains(*u, note) {
		*u = append(*u, note)
	}
	return nil
}

// asksNothing tells whether text is one of the values in the tag but: "a|b", or "|a|b" to include "".
func asksNothing(text string, o *cmd.Option) bool {
	but := o.Tag.Get("but")
	return but != "" && slices.Contains(strings.Split(but, "|"), text)
}

// reason returns the help text after its first word.
func reason(o *cmd.Option) string {
	_, text, _ := strings.Cut(o.Help, ": ")
	return text
}

// gone is an option that Docker removed.
type gone string

// UnmarshalText refuses all values but "", in Docker's words.
func (*gone) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return errors.New(`DEPRECATED: The "api-cors-header" config parameter and the dockerd "--api-cors-header" option have been removed; use a reverse proxy if you need CORS headers`)
}

// Unsupported returns the last paragraph of help: the names of options that are refused or have no effect.
func Unsupported(u *cmd.Usage) string {
	var no, idle []string
	for _, o := range u.Fields() {
		switch o.Value().(type) {
		case *refused, *gone:
			no = append(no, o.Name)
		case *unused:
			idle = append(idle, o.Name)
		}
	}
	return fmt.Sprintf("Options of Docker that box refuses with a reason: %s.\n\nOptions of Docker that are accepted "+
		"without "+
		"effect: %s.",
		strings.Join(no, " "), strings.Join(idle, " "))
}
