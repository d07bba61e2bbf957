package endpoint

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/lifecycle"
)

// LinkVariables returns the environment variables for programs from the time of links.
func LinkVariables(full, alias string, address netip.Addr, to *lifecycle.Record) []string {
	prefix := strings.ReplaceAll(strings.ToUpper(alias), "-", "_")
	env := []string{prefix + "_NAME=" + full}
	ports := make([]apinetwork.Port, 0, len(to.Config.ExposedPorts))
	for p := range to.Config.ExposedPorts {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b apinetwork.Port) int {
		return cmp.Or(cmp.Compare(a.Num(), b.Num()), cmp.Compare(b.Proto(), a.Proto()))
	})
	for i, p := range ports {
		at := fmt.Sprintf("%s://%s:%d", p.Proto(), address, p.Num())
		if i == 0 {
			env = append(env, prefix+"_PORT="+at)
		}
		one := fmt.Sprintf("%s_PORT_%d_%s", prefix, p.Num(), strings.ToUpper(string(p.Proto())))
		env = append(env, one+"="+at, fmt.Sprintf("%s_ADDR=%s", one, address), fmt.Sprintf("%s_PORT=%d", one, p.Num()),
			fmt.Sprintf("%s_PROTO=%s", one, p.Proto()))
	}
	for _, v := range to.Config.Env {
		name, _, ok := strings.Cut(v, "=")
		if ok && name != "HOME" && name != "PATH" {
			env = append(env, prefix+"_ENV_"+v)
		}
	}
	return env
}
