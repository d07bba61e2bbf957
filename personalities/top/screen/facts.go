package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/personalities/top/listing"
)

// factsOf lists what a container was made with: command, limits, mounts, networks, environment, labels.
func factsOf(i *container.InspectResponse) (lines []line) {
	title := func(text string) {
		if len(lines) > 0 {
			lines = append(lines, line{})
		}
		lines = append(lines, line{text, head})
	}
	fact := func(label, text string) {
		if text != "" {
			lines = append(lines, line{listing.Clean(fmt.Sprintf("%-14s %s", label, text)), plain})
		}
	}
	title("Container")
	fact("ID", i.ID)
	fact("created", i.Created)
	fact("command", strings.Join(append([]string{i.Path}, i.Args...), " "))
	fact("image", i.Image)
	if s := i.State; s != nil {
		if s.Pid > 0 {
			fact("process", fmt.Sprint(s.Pid))
		}
		fact("error", s.Error)
		if s.Health != nil && len(s.Health.Log) > 0 {
			fact("health", fmt.Sprintf("%s, last: %s", s.Health.Status, s.Health.Log[len(s.Health.Log)-1].Output))
		}
	}
	if h := i.HostConfig; h != nil {
		limitFacts(h, title, fact)
	}
	if len(i.Mounts) > 0 {
		title("Mounts")
	}
	for _, m := range i.Mounts {
		mode := "rw"
		if !m.RW {
			mode = "ro"
		}
		fact(string(m.Type)+" "+mode, fmt.Sprintf("%s  from %s %s", m.Destination, m.Name, m.Source))
	}
	if n := i.NetworkSettings; n != nil && len(n.Networks) > 0 {
		title("Networks")
		for _, name := range sortedKeys(n.Networks) {
			if e := n.Networks[name]; e != nil {
				address := ""
				if e.IPAddress.IsValid() {
					address = e.IPAddress.String()
				}
				fact(name, strings.TrimSpace(address+"  "+strings.Join(e.Aliases, " ")))
			}
		}
	}
	if c := i.Config; c != nil {
		if len(c.Env) > 0 {
			title("Environment")
		}
		for _, v := range c.Env {
			lines = append(lines, line{listing.Clean(v), plain})
		}
		if len(c.Labels) > 0 {
			title("Labels")
		}
		for _, name := range sortedKeys(c.Labels) {
			lines = append(lines, line{listing.Clean(name + "=" + c.Labels[name]), plain})
		}
	}
	return lines
}

func limitFacts(h *container.HostConfig, title func(string), fact func(label, text string)) {
	title("Limits")
	size := func(label string, n int64) {
		if n > 0 {
			fact(label, listing.Size(float64(n)))
		}
	}
	size("memory", h.Memory)
	size("with swap", h.MemorySwap)
	size("reserved", h.MemoryReservation)
	if h.NanoCPUs > 0 {
		fact("CPUs", fmt.Sprintf("%g", float64(h.NanoCPUs)/1e9))
	}
	if h.CPUQuota > 0 {
		fact("CPU quota", fmt.Sprintf("%d of %d µs", h.CPUQuota, h.CPUPeriod))
	}
	if h.CPUShares > 0 {
		fact("CPU shares", fmt.Sprint(h.CPUShares))
	}
	if h.PidsLimit != nil && *h.PidsLimit > 0 {
		fact("processes", fmt.Sprint(*h.PidsLimit))
	}
	restart := string(h.RestartPolicy.Name)
	if h.RestartPolicy.MaximumRetryCount > 0 {
		restart += fmt.Sprintf(", at most %d times", h.RestartPolicy.MaximumRetryCount)
	}
	fact("restart", restart)
	fact("network", string(h.NetworkMode))
	fact("log driver", h.LogConfig.Type)
	if h.Privileged {
		fact("privileged", "yes")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
