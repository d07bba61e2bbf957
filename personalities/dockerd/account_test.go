package dockerd

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/system"

	"box/personalities/dockerd/config"
)

func TestAccount(t *testing.T) {
	i := &system.Info{DockerRootDir: "/", Driver: "overlay2",
		DriverStatus: [][2]string{{"Backing Filesystem", "extfs"}}, CgroupVersion: "2",
		KernelVersion: "6.1.0", Architecture: "x86_64", Containers: 3, ContainersRunning: 1, Images: 2,
		Warnings: []string{"WARNING: no swap limit\nmore of it", "no NAT"}}
	for _, row := range []struct {
		name   string
		change func(*config.Options)
		want   []string
	}{
		{"as it comes", func(*config.Options) {},
			[]string{"data            /, ", "MiB free", "overlay2 on extfs", "docker0, rules in nf_tables", "version 2",
				"6.1.0, x86_64", "3, 1 of them running; 2 images",
				"limited         no swap limit\n                   no NAT\n"}},
		{"no rules", func(o *config.Options) { o.NoRules = true }, []string{"without firewall rules"}},
		{"no bridge", func(o *config.Options) { o.Bridge = "none" }, []string{"containers have no network"}},
	} {
		o := &config.Options{}
		row.change(o)
		var b strings.Builder
		printFrame(&b, "box 1.2.3", accountRows(o, i))
		for _, want := range row.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", row.name, want, &b)
			}
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines[0]) != frameWidth || lines[len(lines)-1] != strings.Repeat("-", frameWidth) {
			t.Errorf("%s: the frame is\n%s", row.name, &b)
		}
	}
}
