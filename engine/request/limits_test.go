package request

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
)

// able is a host of two CPUs whose kernel can everything.
func able() cgroup.Support {
	return cgroup.Support{
		Memory: true, Swap: true, Swappiness: true, Reservation: true, OOMKillDisable: true, CPUShares: true, CPUQuota: true,
		CPURealtime: true, Cpuset: true,
		Pids: true, BlkioWeight: true, BlkioWeightDevice: true, ReadBps: true, WriteBps: true, ReadIOps: true,
		WriteIOps: true,
		CPUs:      2, Cpus: "0-1", Mems: "0",
	}
}

func TestLimitsRefuse(t *testing.T) {
	for _, row := range []struct{ in, text string }{
		{`{"Memory":1000}`, "Minimum memory limit allowed is 6MB"},
		{`{"Memory":20000000,"MemorySwap":10000000}`,
			"Minimum memoryswap limit should be larger than memory limit, see usage"},
		{`{"MemorySwap":10000000}`, "You should always set the Memory limit when using Memoryswap limit, see usage"},
		{`{"MemoryReservation":1000}`, "Minimum memory reservation allowed is 6MB"},
		{`{"Memory":10000000,"MemoryReservation":20000000}`,
			"Minimum memory limit can not be less than memory reservation limit, see usage"},
		{`{"MemorySwappiness":101}`, "Invalid value: 101, valid memory swappiness range is 0-100"},
		{`{"NanoCpus":1,"CpuPeriod":5000}`, "Conflicting options: Nano CPUs and CPU Period cannot both be set"},
		{`{"NanoCpus":1,"CpuQuota":5000}`, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"},
		{`{"NanoCpus":2500000000}`, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"},
		{`{"CpuPeriod":10}`, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"},
		{`{"CpuQuota":10}`, "CPU cfs quota can not be less than 1ms (i.e. 1000)"},
		{`{"CpuRealtimePeriod":1000,"CpuRealtimeRuntime":1001}`,
			"cpu real-time runtime cannot be higher than cpu real-time period"},
		{`{"CpuShares":-1}`, "invalid CPU shares (-1): value must be a positive integer"},
		{`{"CpusetCpus":"2"}`, "Requested CPUs are not available - requested 2, available: 0-1"},
		{`{"CpusetCpus":"a"}`, "Invalid value a for cpuset cpus: invalid format: a"},
		{`{"CpusetMems":"1"}`, "Requested memory nodes are not available - requested 1, available: 0"},
		{`{"BlkioWeight":5}`, "Range of blkio weight is from 10 to 1000"},
		{`{"IOMaximumIOps":5}`, "invalid option: QoS maximum IOPs configuration is not supported on linux"},
		{`{"DeviceRequests":[{"Capabilities":[["gpu"]]}]}`, `could not select device driver "" with capabilities: [[gpu]]`},
		{`{"Ulimits":[{"Name":"odd","Soft":1,"Hard":1}]}`, "invalid ulimit type: odd"},
	} {
		var r api.Resources
		if err := json.Unmarshal([]byte(row.in), &r); err != nil {
			t.Fatal(err)
		}
		if _, err := Limits(&r, able()); !errdefs.IsInvalidArgument(err) || err.Error() != row.text {
			t.Errorf("%s: %v", row.in, err)
		}
	}
}

// TestLimitsRealtime: a kernel without the scheduler refuses what others take.
func TestLimitsRealtime(t *testing.T) {
	for _, can := range []bool{true, false} {
		with := able()
		with.CPURealtime = can
		for _, r := range []api.Resources{{CPURealtimePeriod: 5000}, {CPURealtimeRuntime: 5000}} {
			if _, err := Limits(&r, with); can != (err == nil) ||
				err != nil && err.Error() != "kernel does not support CPU real-time scheduler" {
				t.Errorf("%v: %v", can, err)
			}
		}
	}
}

// TestLimitsWarn: what the kernel cannot is taken out and told, in Docker's words.
func TestLimitsWarn(t *testing.T) {
	everything := `{"Memory":20000000,"MemorySwap":30000000,"MemoryReservation":10000000,"MemorySwappiness":5,"OomKillDisable":true,"CpuShares":5,
		"CpuPeriod":5000,"CpuQuota":5000,"CpusetCpus":"0","CpusetMems":"0","PidsLimit":5,"BlkioWeight":5,"BlkioWeightDevice":[{"Path":"/x","Weight":5}],
		"BlkioDeviceReadBps":[{"Path":"/x","Rate":5}],"BlkioDeviceWriteBps":[{"Path":"/x","Rate":5}],
		"BlkioDeviceReadIOps":[{"Path":"/x","Rate":5}],"BlkioDeviceWriteIOps":[{"Path":"/x","Rate":5}],"CpuPercent":5}`
	var r api.Resources
	if err := json.Unmarshal([]byte(everything), &r); err != nil {
		t.Fatal(err)
	}
	warnings, err := Limits(&r, cgroup.Support{CPUs: 2})
	if err != nil || len(warnings) != 15 {
		t.Fatalf("%d warnings, %v:\n%s", len(warnings), err, strings.Join(warnings, "\n"))
	}
	left, _ := json.Marshal(r)
	var none api.Resources
	none.MemorySwap = -1
	if want, _ := json.Marshal(none); string(left) != string(want) {
		t.Errorf("left: %s", left)
	}
	if err := json.Unmarshal([]byte(strings.Replace(everything, `"BlkioWeight":5`, `"BlkioWeight":10`, 1)),
		&r); err != nil {
		t.Fatal(err)
	}
	warnings, err = Limits(&r, able())
	if err != nil || len(warnings) != 1 || warnings[0] != "linux does not support CPU percent. Percent discarded." {
		t.Error(warnings, err)
	}
}

func TestConflicts(t *testing.T) {
	for _, row := range []struct{ config, host, text string }{
		{`{}`, `{"NetworkMode":"container:"}`, "invalid network mode: invalid container format container:<name|id>"},
		{`{"Hostname":"x"}`, `{"NetworkMode":"container:a"}`, "conflicting options: hostname and the network mode"},
		{`{}`, `{"NetworkMode":"container:a","Links":["a"]}`,
			"conflicting options: container type network can't be used with links. This would result in undefined behavior"},
		{`{}`, `{"NetworkMode":"container:a","Dns":["1.1.1.1"]}`, "conflicting options: dns and the network mode"},
		{`{}`, `{"NetworkMode":"container:a","ExtraHosts":["a:1.1.1.1"]}`,
			"conflicting options: custom host-to-IP mapping and the network mode"},
		{`{}`, `{"NetworkMode":"container:a","PublishAllPorts":true}`,
			"conflicting options: port publishing and the container type network mode"},
		{`{"ExposedPorts":{"80/tcp":{}}}`, `{"NetworkMode":"container:a"}`,
			"conflicting options: port exposing and the container type network mode"},
		{`{"Hostname":"x"}`, `{"UTSMode":"host"}`, "conflicting options: hostname and the UTS mode"},
		{`{}`, `{"NetworkMode":"host","Links":["a"]}`,
			"conflicting options: host type networking can't be used with links. This would result in undefined behavior"},
		{`{}`, `{"ExtraHosts":["a"]}`, `bad format for add-host: "a"`},
		{`{}`, `{"ExtraHosts":["a:b"]}`, `invalid IP address in add-host: "b"`},
		{`{}`, `{"Umask":512}`, "invalid Umask 512: it is one of 0 to 511 (0777)"},
		{`{}`, `{"Umask":511}`, ""},
		{`{}`, `{"Annotations":{"":"b"}}`, "invalid Annotations: the empty string is not permitted as an annotation key"},
		{`{"Hostname":"x","ExposedPorts":{"80/tcp":{}}}`,
			`{"NetworkMode":"host","ExtraHosts":["a:host-gateway","b=[::1]"],"Annotations":{"a":""}}`, ""},
	} {
		var c api.Config
		var h api.HostConfig
		if json.Unmarshal([]byte(row.config), &c) != nil || json.Unmarshal([]byte(row.host), &h) != nil {
			t.Fatal(row)
		}
		err := conflicts(&c, &h)
		if row.text == "" && err == nil {
			continue
		}
		if !errdefs.IsInvalidArgument(err) || err.Error() != row.text {
			t.Errorf("%s %s: %v", row.config, row.host, err)
		}
	}
}
