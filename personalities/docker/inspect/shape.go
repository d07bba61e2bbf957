package inspect

import (
	"reflect"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/templates"
)

// networkSettings are a container's, with what daemons before API 1.52 say of the network "bridge", too.
type networkSettings struct {
	Bridge                 string
	SandboxID              string
	SandboxKey             string
	Ports                  network.PortMap
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []address
	SecondaryIPv6Addresses []address
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]*network.EndpointSettings
}

type address struct {
	Addr      string
	PrefixLen int
}

// shapeOf is what a daemon's answer of a Go type is read into for a template.
func shapeOf(t reflect.Type) reflect.Type {
	settings := templates.Texts(reflect.TypeFor[networkSettings](), nil)
	return templates.Texts(t, map[reflect.Type]reflect.Type{reflect.TypeFor[container.NetworkSettings](): settings})
}
