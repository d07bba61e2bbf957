package module

import (
	"slices"
	"strings"
	"testing"
)

func TestDependencies(t *testing.T) {
	const list = "kernel/net/llc/llc.ko.xz:\n" +
		"kernel/net/802/stp.ko.xz: kernel/net/llc/llc.ko.xz\n" +
		"kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz\n" +
		"kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz kernel/net/802/stp.ko.xz " +
		"kernel/net/llc/llc.ko.xz\n" +
		"kernel/drivers/snd-pcm.ko:\n"
	for name, want := range map[string]string{
		"llc":     "kernel/net/llc/llc.ko.xz",
		"bridge":  "kernel/net/llc/llc.ko.xz kernel/net/802/stp.ko.xz kernel/net/bridge/bridge.ko.xz",
		"snd_pcm": "kernel/drivers/snd-pcm.ko",
		"zfs":     "",
	} {
		got, err := dependencies(strings.NewReader(list), name)
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := dependencies(strings.NewReader(strings.Repeat("x", 2<<20)), "x"); err == nil {
		t.Error("a line without end was read")
	}
}
