package inspect

import (
	"reflect"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/templates"
)

// networkSettings adds to a container's settings the fields for the network "bridge" that daemons had before API 1.52.
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

// shapeOf returns the type into which an answer is decoded for templates.
func shapeOf(t reflect.Type) reflect.Type {
	settings := templates.Texts(reflect.TypeFor[networkSettings](), nil)
	return templates.Texts(t, map[reflect.Type]reflect.Type{reflect.TypeFor[container.NetworkSettings](): settings})
}
