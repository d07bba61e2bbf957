package version

import (
	"encoding/json"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
)

func TestLegacyMAC(t *testing.T) {
	const mac = "02:42:ac:11:00:07"
	for _, row := range []struct {
		v                  Version
		body, network, mac string
		refused            bool
	}{
		{43, `{"MacAddress":"` + mac + `","HostConfig":{}}`, "default", mac, false},
		{43, `{"MacAddress":"` + mac + `","HostConfig":{"NetworkMode":"net"},"NetworkingConfig":{"EndpointsConfig":{"net":{}}}}`, "net", mac, false},
		{50, `{"MacAddress":"` + mac + `","HostConfig":{"NetworkMode":"net"}}`, "net", mac, false},
		{43, `{"MacAddress":"` + mac + `"}`, "default", mac, false},
		{56, `{"MacAddress":"` + mac + `","HostConfig":null,"NetworkingConfig":{}}`, "default", mac, false},
		{43, `{"MacAddress":"odd"}`, "", "", true},
		{43, `{"MacAddress":"","HostConfig":{"NetworkMode":"net"}}`, "net", "", false},
		{43, `{"MacAddress":"odd","HostConfig":{}}`, "", "", true},
		{43, `{"MacAddress":"` + mac + `","HostConfig":{"NetworkMode":"host"}}`, "", "", true},
	} {
		q, err := DecodeCreate(json.RawMessage(row.body))
		if err != nil {
			t.Fatal(err)
		}
		err = Since(row.v, json.RawMessage(row.body), &q)
		if row.refused || err != nil {
			if !row.refused || !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s: %v", row.body, err)
			}
			continue
		}
		got := ""
		if q.NetworkingConfig != nil && q.NetworkingConfig.EndpointsConfig[row.network] != nil {
			got = q.NetworkingConfig.EndpointsConfig[row.network].MacAddress.String()
		}
		if got != row.mac {
			t.Errorf("%d %s: %q", row.v, row.body, got)
		}
	}
}

func TestFieldsSince(t *testing.T) {
	for _, row := range []struct {
		v        Version
		in, want string // of HostConfig, the fields that change
	}{
		{39, `{}`, `{"IpcMode":"shareable","CgroupnsMode":"host"}`},
		{39, `null`, `{"IpcMode":"shareable","CgroupnsMode":"host"}`},
		{40, `null`, `{"IpcMode":"","CgroupnsMode":"host"}`},
		{40, `{}`, `{"IpcMode":"","CgroupnsMode":"host"}`},
		{41, `{"IpcMode":"none"}`, `{"IpcMode":"none","CgroupnsMode":""}`},
		{55, `{"Umask":18}`, `{"Umask":null}`},
		{56, `{"Umask":18}`, `{"Umask":18}`},
		{41, `{"PidsLimit":0}`, `{"PidsLimit":null}`},
		{50, `{"PidsLimit":-5}`, `{"PidsLimit":null}`},
		{50, `{"PidsLimit":5}`, `{"PidsLimit":5}`},
		{42, `{"Annotations":{"a":"b"}}`, `{"Annotations":null}`},
		{43, `{"Annotations":{"a":"b"}}`, `{"Annotations":{"a":"b"}}`},
		{39, `{"Mounts":[{"BindOptions":{"NonRecursive":true,"CreateMountpoint":true}}]}`, `{"Mounts":[{"BindOptions":{}}]}`},
		{42, `{"Mounts":[{"BindOptions":{"CreateMountpoint":true,"ReadOnlyNonRecursive":true}}]}`,
			`{"Mounts":[{"BindOptions":{"CreateMountpoint":true}}]}`},
		{44, `{"Mounts":[{"BindOptions":{"ReadOnlyNonRecursive":true,"ReadOnlyForceRecursive":true}}]}`,
			`{"Mounts":[{"BindOptions":{"ReadOnlyNonRecursive":true,"ReadOnlyForceRecursive":true}}]}`},
		{43, `{"Mounts":[{"BindOptions":{"ReadOnlyForceRecursive":true}}]}`, ""},
		{44, `{"Mounts":[{"VolumeOptions":{"Subpath":"x"}}]}`, `{"Mounts":[{"VolumeOptions":{}}]}`},
		{45, `{"Mounts":[{"TmpfsOptions":{"Options":[["exec"]]}}]}`, `{"Mounts":[{"TmpfsOptions":{}}]}`},
		{47, `{"Mounts":[{"Type":"image"}]}`, ""},
	} {
		var q api.CreateRequest
		if err := json.Unmarshal([]byte(`{"HostConfig":`+row.in+`}`), &q); err != nil {
			t.Fatal(err)
		}
		err := Since(row.v, nil, &q)
		if row.want == "" {
			if !errdefs.IsInvalidArgument(err) {
				t.Errorf("%d %s: %v", row.v, row.in, err)
			}
			continue
		}
		var want, got map[string]any
		raw, _ := json.Marshal(q.HostConfig)
		if json.Unmarshal(raw, &got) != nil || json.Unmarshal([]byte(row.want), &want) != nil {
			t.Fatal("not JSON")
		}
		for key := range want {
			a, _ := json.Marshal(want[key])
			b, _ := json.Marshal(got[key])
			if string(a) != string(b) {
				t.Errorf("%d %s: %s is %s, want %s", row.v, row.in, key, b, a)
			}
		}
	}
}
