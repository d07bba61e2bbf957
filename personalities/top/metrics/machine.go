package metrics

import (
	"slices"
	"strconv"
	"strings"

	"box/engine/stats/sample"
)

// outside leaves out the ends of containers' interfaces.
func outside(all []sample.Interface) []sample.Interface {
	return slices.DeleteFunc(slices.Clone(all), func(i sample.Interface) bool { return strings.HasPrefix(i.Name, "veth") })
}

func plain(name, kind, help string, value func(h *sample.Host) float64) family {
	return family{name: name, kind: kind, help: help, host: func(h *sample.Host, put put) { put(value(h)) }}
}

func machineFamilies() []family {
	return []family{
		plain("machine_cpu_cores", gauge, "Processors.", func(h *sample.Host) float64 { return float64(h.CPUs) }),
		plain("machine_memory_bytes", gauge, "Memory.", func(h *sample.Host) float64 { return float64(h.Memory.Total) }),
		plain("machine_swap_bytes", gauge, "Swap.", func(h *sample.Host) float64 { return float64(h.Memory.SwapTotal) }),
		plain("machine_scrape_error", gauge, "1 if the machine could not be measured.",
			func(*sample.Host) float64 { return 0 }),
		plain("container_scrape_error", gauge, "1 if containers could not be measured.",
			func(*sample.Host) float64 { return 0 }),
	}
}

// ownFamilies are of box alone.
func ownFamilies() []family {
	states := []string{"created", "running", "paused", "restarting", "exited", "removing", "dead"}
	return []family{
		both("box_container_restarts_total", counter, "Restarts by the policy since the last start by hand.",
			func(c *sample.Container, put put) { put(float64(c.Restarts)) }, nil),
		both("box_container_restarts_last_hour", gauge, "Restarts by the policy in the last hour.",
			func(c *sample.Container, put put) { put(float64(c.RestartsHour)) }, nil),
		both("box_container_healthy", gauge, "1 if the health check succeeds, 0 if not; -1 while it is starting.",
			func(c *sample.Container, put put) {
				if v, ok := map[string]float64{"healthy": 1, "unhealthy": 0, "starting": -1}[c.Health]; ok {
					put(v)
				}
			}, nil),
		both("box_container_state", gauge, "1 for the state that the container is in.",
			func(c *sample.Container, put put) {
				for _, s := range states {
					v := 0.0
					if s == c.State {
						v = 1
					}
					put(v, "state", s)
				}
			}, nil),
		both("box_container_exit_code", gauge, "Exit code of the last run that has ended.",
			func(c *sample.Container, put put) {
				if c.State == "exited" || c.State == "restarting" || c.State == "dead" {
					put(float64(c.Exit.Code))
				}
			}, nil),
		both("box_container_log_bytes", gauge, "Size of the log.",
			func(c *sample.Container, put put) { put(float64(c.Disk.Log)) }, nil),
		both("box_certificate_expiry_timestamp_seconds", gauge, "When the daemon's certificate ends.", nil,
			func(h *sample.Host, put put) {
				if !h.CertEnds.IsZero() {
					put(stamp(h.CertEnds))
				}
			}),
		plain("box_image_bytes", gauge, "What the layers of images take.",
			func(h *sample.Host) float64 { return float64(h.Daemon.ImageBytes) }),
		plain("box_images", gauge, "Images.", func(h *sample.Host) float64 { return float64(h.Daemon.Images) }),
		plain("box_volumes", gauge, "Volumes.", func(h *sample.Host) float64 { return float64(h.Daemon.Volumes) }),
		plain("box_history_bytes", gauge, "What the history takes.",
			func(h *sample.Host) float64 { return float64(h.Daemon.HistoryBytes) }),
		plain("box_daemon_memory_bytes", gauge, "Memory of daemon and keeper, shared pages by their part.",
			func(h *sample.Host) float64 { return float64(h.Daemon.Memory) }),
		both("box_temperature_celsius", gauge, "Temperatures.", nil, func(h *sample.Host, put put) {
			for i, t := range h.Heat {
				put(t.Celsius, "sensor", strconv.Itoa(i), "kind", t.Name)
			}
		}),
		both("box_pull_seconds", histogram, "How long pulls of images took.", nil, timings("image", false, "pull")),
	}
}

// daemonFamilies are those of Docker's daemon.
func daemonFamilies() []family {
	return []family{
		both("engine_daemon_container_actions_seconds", histogram, "How long actions on containers took.", nil,
			timings("container", true, "changes", "commit", "create", "delete", "start")),
		both("engine_daemon_network_actions_seconds", histogram, "How long actions on networks took.", nil,
			timings("network", true, "connect", "release")),
		{name: "engine_daemon_container_states_containers", kind: gauge, help: "Containers by state.", all: states},
		plain("engine_daemon_engine_cpus_cpus", gauge, "Processors of the host.",
			func(h *sample.Host) float64 { return float64(h.CPUs) }),
		plain("engine_daemon_engine_memory_bytes", gauge, "Memory of the host.",
			func(h *sample.Host) float64 { return float64(h.Memory.Total) }),
		both("engine_daemon_engine_info", gauge, "What the daemon is and runs on.", nil, func(h *sample.Host, put put) {
			put(1, "graphdriver", h.Driver, "kernel", h.Kernel, "version", h.Version)
		}),
		plain("engine_daemon_events_total", counter, "Events.",
			func(h *sample.Host) float64 { return float64(h.Daemon.Events) }),
		plain("engine_daemon_events_subscribers_total", untyped, "Who listens to events at this moment.",
			func(h *sample.Host) float64 { return float64(h.Daemon.Subscribers) }),
		plain("engine_daemon_health_checks_total", counter, "Health checks.",
			func(h *sample.Host) float64 { return float64(h.Daemon.Checks) }),
		plain("engine_daemon_health_checks_failed_total", counter, "Health checks that failed.",
			func(h *sample.Host) float64 { return float64(h.Daemon.ChecksFailed) }),
	}
}

// timings writes histograms of the actions on a noun, also of those that were never done.
func timings(noun string, labelled bool, actions ...string) func(*sample.Host, put) {
	return func(h *sample.Host, put put) {
		for _, action := range actions {
			t := sample.Timing{Within: make([]uint64, len(sample.TimingBounds))}
			for _, known := range h.Daemon.Timings {
				if known.Noun == noun && known.Action == action && len(known.Within) == len(sample.TimingBounds) {
					t = known
				}
			}
			var labels []string
			if labelled {
				labels = []string{"action", action}
			}
			with := func(suffix string, more ...string) []string {
				return slices.Concat([]string{"", suffix}, labels, more)
			}
			for i, bound := range sample.TimingBounds {
				put(float64(t.Within[i]), with("_bucket", "le", strconv.FormatFloat(bound, 'g', -1, 64))...)
			}
			put(float64(t.Count), with("_bucket", "le", "+Inf")...)
			put(t.Seconds, with("_sum")...)
			put(float64(t.Count), with("_count")...)
		}
	}
}

// states counts containers as Docker does: all that neither run nor are paused are stopped.
func states(s *sample.Set, put put) {
	count := map[string]float64{}
	for _, c := range s.Containers {
		switch c.State {
		case "running", "paused":
			count[c.State]++
		default:
			count["stopped"]++
		}
	}
	for _, state := range []string{"paused", "running", "stopped"} {
		put(count[state], "state", state)
	}
}
