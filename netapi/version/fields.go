package version

import (
	"encoding/json"
	"strconv"

	"box/netapi/wire"
)

// Field is a field of a reply that is not in every version of the API. Fields that the types have but no version had
// are not listed.
type Field struct {
	path  []string // "*" stands for all keys of a map
	since Version
	last  Version         // last version with the field; 0: the newest
	value json.RawMessage // value for clients of those versions if the reply lacks the field
}

// containerFields are fields of a container's inspection.
var containerFields = []Field{
	{path: []string{"Config", "OnBuild"}, last: 51, value: json.RawMessage("null")},
	{path: []string{"HostConfig", "Umask"}, since: 56},
	{path: []string{"HostConfig", "KernelMemory"}, last: 41, value: json.RawMessage("0")},
	{path: []string{"HostConfig", "KernelMemoryTCP"}, since: 40, last: 51, value: json.RawMessage("0")},
	{path: []string{"NetworkSettings", "Networks", "*", "DNSNames"}, since: 44},
	{path: []string{"NetworkSettings", "Networks", "*", "GwPriority"}, since: 48},
}

// imageFields are fields of an image's inspection.
var imageFields = []Field{
	{path: []string{"Config", "OnBuild"}, last: 51, value: json.RawMessage("null")},
	{path: []string{"ContainerConfig", "OnBuild"}, value: json.RawMessage("null")},
}

// endpointFields are fields of the networks of a container in a list.
var endpointFields = []Field{
	{path: []string{"NetworkSettings", "Networks", "*", "DNSNames"}, since: 44},
	{path: []string{"NetworkSettings", "Networks", "*", "GwPriority"}, since: 48},
}

// NetworkFields are fields of a network, ListedNetworkFields those of a network in a list.
var (
	NetworkFields       = []Field{{path: []string{"EnableIPv4"}, since: 47}, {path: []string{"Status"}, since: 52}}
	ListedNetworkFields = []Field{{path: []string{"EnableIPv4"}, since: 47},
		{path: []string{"Containers"}, last: 51, value: json.RawMessage("{}")}}
)

// Shaped returns a reply with the fields of a version. If the table requires no change, it returns the reply itself.
func Shaped(reply any, table []Field, v Version) (any, error) {
	same := true
	for _, f := range table {
		same = same && v >= f.since && (f.value == nil || f.last != 0 && v > f.last)
	}
	if same {
		return reply, nil
	}
	raw, err := wire.Marshal(reply)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	return fields, ShapeFields(fields, table, v)
}

// ShapeFields removes the fields that the version lacks, and adds those that it has in addition.
func ShapeFields(reply map[string]json.RawMessage, table []Field, v Version) error {
	for _, f := range table {
		if err := shapeField(reply, f.path, f, v); err != nil {
			return err
		}
	}
	return nil
}

func shapeField(object map[string]json.RawMessage, path []string, f Field, v Version) error {
	if len(path) > 1 {
		keys := []string{path[0]}
		if path[0] == "*" {
			keys = keys[:0]
			for k := range object {
				keys = append(keys, k)
			}
		}
		for _, k := range keys {
			var inner map[string]json.RawMessage
			if err := json.Unmarshal(object[k], &inner); err != nil || inner == nil {
				continue // not there, or null
			}
			if err := shapeField(inner, path[1:], f, v); err != nil {
				return err
			}
			raw, err := wire.Marshal(inner)
			if err != nil {
				return err
			}
			object[k] = raw
		}
		return nil
	}
	switch _, there := object[path[0]]; {
	case v < f.since || f.last != 0 && v > f.last:
		delete(object, path[0])
	case !there && f.value != nil:
		object[path[0]] = f.value
	}
	return nil
}

// InfoFields returns the fields of info. The arguments tell whether iptables and ip6tables rules apply to bridged
// packets.
func InfoFields(bridgeFilters, bridgeFilters6 bool) []Field {
	no, empty := json.RawMessage("false"), json.RawMessage("[]")
	list := []Field{
		{path: []string{"BridgeNfIptables"}, last: 49, value: json.RawMessage(strconv.FormatBool(bridgeFilters))},
		{path: []string{"BridgeNfIp6tables"}, last: 49, value: json.RawMessage(strconv.FormatBool(bridgeFilters6))},
		{path: []string{"KernelMemory"}, last: 41, value: no},
		{path: []string{"KernelMemoryTCP"}, since: 40, last: 51, value: no},
		{path: []string{"CDISpecDirs"}, since: 44},
		{path: []string{"FirewallBackend"}, since: 49},
		{path: []string{"RegistryConfig", "AllowNondistributableArtifactsCIDRs"}, last: 48, value: empty},
		{path: []string{"RegistryConfig", "AllowNondistributableArtifactsHostnames"}, last: 48, value: empty},
	}
	for _, c := range []string{"ContainerdCommit", "RuncCommit", "InitCommit"} {
		list = append(list, Field{path: []string{c, "Expected"}, last: 48, value: json.RawMessage(`""`)})
	}
	return list
}
