package container_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

const gib = 1 << 30

// The arithmetic of stats, one value a row, from what the daemon measured.
func TestStatsValues(t *testing.T) {
	for _, row := range []struct{ title, stats, format, want string }{
		{"an ID is cut", `"id":"0123456789abcdef"`, "{{.ID}}", "0123456789ab"},
		{"a name has no slash", `"name":"/web"`, "{{.Name}}", "web"},
		{"one of four CPUs", `"cpu_stats":{"cpu_usage":{"total_usage":200},"system_cpu_usage":800,"online_cpus":4},` +
			`"precpu_stats":{"cpu_usage":{"total_usage":100},"system_cpu_usage":400}`, "{{.CPUPerc}}", "100.00%"},
		{"CPUs as an old daemon counts them", `"cpu_stats":{"cpu_usage":{"total_usage":20,"percpu_usage":[10,10]},` +
			`"system_cpu_usage":80},"precpu_stats":{}`, "{{.CPUPerc}}", "50.00%"},
		{"no time has passed", `"cpu_stats":{"cpu_usage":{"total_usage":5},"system_cpu_usage":10,"online_cpus":1},` +
			`"precpu_stats":{"cpu_usage":{"total_usage":5},"system_cpu_usage":10}`, "{{.CPUPerc}}", "0.00%"},
		{"a counter that went back", `"cpu_stats":{"cpu_usage":{"total_usage":5},"system_cpu_usage":20,"online_cpus":1},` +
			`"precpu_stats":{"cpu_usage":{"total_usage":9},"system_cpu_usage":10}`, "{{.CPUPerc}}", "0.00%"},
		{"cache of cgroup v1 is not used", `"memory_stats":{"usage":3072,"limit":4096,"stats":{"total_inactive_file":1024,` +
			`"inactive_file":9}}`, "{{.MemUsage}} {{.MemPerc}}", "2KiB / 4KiB 50.00%"},
		{"cache of cgroup v2 is not used", `"memory_stats":{"usage":3072,"limit":4096,"stats":{"inactive_file":1024}}`,
			"{{.MemUsage}} {{.MemPerc}}", "2KiB / 4KiB 50.00%"},
		{"more cache than use", `"memory_stats":{"usage":1024,"limit":4096,"stats":{"inactive_file":2048}}`,
			"{{.MemUsage}}", "1KiB / 4KiB"},
		{"no limit known", `"memory_stats":{"usage":1024}`, "{{.MemUsage}} {{.MemPerc}}", "1KiB / 0B 0.00%"},
		{"gigabytes", fmt.Sprintf(`"memory_stats":{"usage":%d,"limit":%d}`, gib+gib/2, 2*gib), "{{.MemUsage}}",
			"1.5GiB / 2GiB"},
		{"networks add up", `"networks":{"eth0":{"rx_bytes":1000,"tx_bytes":1},"eth1":{"rx_bytes":500,"tx_bytes":2}}`,
			"{{.NetIO}}", "1.5kB / 3B"},
		{"no network", `"networks":null`, "{{.NetIO}}", "0B / 0B"},
		{"devices add up", `"blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":1000},{"op":"read","value":` +
			`500},{"op":"Write","value":7},{"op":"Total","value":9999}]}`, "{{.BlockIO}}", "1.5kB / 7B"},
		{"processes", `"pids_stats":{"current":12}`, "{{.PIDs}}", "12"},
		{"as it was asked for", `"name":"/web"`, "{{.Container}}", "a"},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /containers/a/stats": clienttest.Reply("{" + row.stats + "}")})
		r := f.Docker(t, "", "stats", "--no-stream", "--format", row.format, "a")
		if r.Code != 0 || r.Out != row.want+"\n" {
			t.Errorf("%s: %+v, want %s", row.title, r, row.want)
		}
	}
}

// Containers that cannot be measured, and measurements that are none.
func TestStatsErrors(t *testing.T) {
	for _, row := range []struct {
		title, args, answer, stderr string
		code                        int
	}{
		{"one that is missing", "a zz", `{"name":"/a"}`, "Error response from daemon: No such container: zz\n", 1},
		{"cut", "a", `{"name":`, "unexpected EOF", 1},
		{"of another type", "a", `{"name":[1]}`, "", 1},
		{"no JSON", "a", `<html>`, "", 1},
		{"a template that is wrong", "--format {{.Nothing}} a", `{}`, "Nothing", 1},
		{"a template that cannot be parsed", "--format {{ a", `{}`, "template parsing error", 1},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /containers/a/stats":  clienttest.Reply(row.answer),
			"GET /containers/zz/stats": clienttest.Refuse(404, "No such container: zz")})
		r := f.Docker(t, "", append([]string{"stats", "--no-stream"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || !strings.Contains(r.Stderr, row.stderr) || r.Stderr == "" {
			t.Errorf("%s: %+v", row.title, r)
		}
	}
}

// Without names, what runs is measured; with --all, everything; and without any container there is a head alone.
func TestStatsOfAll(t *testing.T) {
	for _, row := range []struct{ args, list, asked, out string }{
		{"", `[{"Id":"a"},{"Id":"b"}]`, "GET /containers/json", "one\none\n"},
		{"--all", `[{"Id":"a"}]`, "GET /containers/json?all=1", "one\n"},
		{"", `[]`, "GET /containers/json", ""},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"GET /containers/json":    clienttest.Reply(row.list),
			"GET /containers/a/stats": clienttest.Reply(`{"name":"/one"}`),
			"GET /containers/b/stats": clienttest.Reply(`{"name":"/one"}`)})
		r := f.Docker(t, "", append([]string{"stats", "--no-stream", "--format", "{{.Name}}"},
			strings.Fields(row.args)...)...)
		if r.Code != 0 || r.Out != row.out || !strings.Contains(strings.Join(f.Seen, "\n")+"\n", row.asked+"\n") {
			t.Errorf("stats %s of %s: %+v asked %q", row.args, row.list, r, f.Seen)
		}
	}
}
