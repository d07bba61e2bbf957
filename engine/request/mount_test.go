package request

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

func TestParseVolume(t *testing.T) {
	for _, row := range []struct {
		raw, driver string
		want        string // type name-or-source target mode rw propagation copy
	}{
		{"vol:/x", "", "volume vol /x z true - copy"},
		{"vol:/x/:ro", "", "volume vol /x ro false - copy"},
		{"vol:/x:nocopy", "", "volume vol /x nocopy true - keep"},
		{"vol:/x:z,ro,nocopy", "", "volume vol /x z,ro,nocopy false - keep"},
		{"/x", "", "volume - /x z true - copy"},
		{"/a/../b:/x", "", "bind /b /x - true rprivate keep"},
		{"/a:/x:ro,rslave,Z,cached", "", "bind /a /x ro,rslave,Z,cached false rslave keep"},
		{"/a:/x", "other", "bind /a /x - true rprivate keep"},
		{"ro:/x", "", "volume ro /x z true - copy"},
	} {
		m, err := ParseVolume(row.raw, row.driver)
		if err != nil {
			t.Errorf("%s: %v", row.raw, err)
			continue
		}
		if got := describe(&m); got != row.want || !m.Make {
			t.Errorf("%s: %s, want %s", row.raw, got, row.want)
		}
	}
	if m, err := ParseVolume("vol:/x", "other"); err != nil || m.Driver != "other" {
		t.Error(m, err)
	}
}

func describe(m *Mount) string {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	rw, keep := "true", "keep"
	if !m.RW {
		rw = "false"
	}
	if m.CopyUp {
		keep = "copy"
	}
	return strings.Join([]string{string(m.Type), dash(m.Name + m.Source), m.Destination, dash(m.Mode), rw,
		dash(string(m.Propagation)), keep}, " ")
}

// TestRefusedMounts holds Docker's words for what it does not take.
func TestRefusedMounts(t *testing.T) {
	for _, row := range []struct{ raw, text string }{
		{":/x", "invalid volume specification: ':/x'"},
		{"", "invalid volume specification: ''"},
		{"a:b:c:d", "invalid volume specification: 'a:b:c:d'"},
		{"/x:ro", "invalid volume specification: '/x:ro'"},
		{"a:/x:foo", "invalid mode: foo"},
		{"a:/x:ro,rw", "invalid mode: ro,rw"},
		{"a:/x:z,", "invalid mode: z,"},
		{"a:rel", `invalid volume specification: 'a:rel': invalid mount config for type "volume": invalid mount path: 'rel' mount path must be absolute`},
		{"a:/", `invalid volume specification: 'a:/': invalid mount config for type "volume": invalid specification: destination can't be '/'`},
		{"/a:/b/..", `invalid volume specification: '/a:/b/..': invalid mount config for type "bind": invalid specification: destination can't be '/'`},
		{"a:/x:rshared", `invalid volume specification: 'a:/x:rshared': invalid mount config for type "volume": field BindOptions must not be specified`},
		{"/a:/x:nocopy", `invalid volume specification: '/a:/x:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`},
	} {
		if _, err := ParseVolume(row.raw, ""); !errdefs.IsInvalidArgument(err) || err.Error() != row.text {
			t.Errorf("%q: %v", row.raw, err)
		}
	}
	for _, row := range []struct {
		spec mount.Mount
		text string
	}{
		{mount.Mount{Type: "foo", Target: "/x"}, "mount type unknown"},
		{mount.Mount{Type: "bind", Source: "/"}, "field Target must not be empty"},
		{mount.Mount{Type: "bind", Target: "/x"}, "field Source must not be empty"},
		{mount.Mount{Type: "bind", Source: "rel", Target: "/x"}, "invalid mount path: 'rel' mount path must be absolute"},
		{mount.Mount{Type: "bind", Source: "/", Target: "/x", BindOptions: &mount.BindOptions{Propagation: "odd"}},
			"invalid propagation mode: odd"},
		{mount.Mount{Type: "bind", Source: "/", Target: "/x", TmpfsOptions: &mount.TmpfsOptions{}},
			"field TmpfsOptions must not be specified"},
		{mount.Mount{Type: "bind", Source: "/", Target: "/x", BindOptions: &mount.BindOptions{ReadOnlyForceRecursive: true}},
			"mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive"},
		{mount.Mount{Type: "volume", Target: "x"}, "invalid mount path: 'x' mount path must be absolute"},
		{mount.Mount{Type: "volume", Target: "/x", ReadOnly: true},
			"must not set ReadOnly mode when using anonymous volumes"},
		{mount.Mount{Type: "volume", Target: "/x", VolumeOptions: &mount.VolumeOptions{Subpath: "a"}},
			"must not set Subpath when using anonymous volumes"},
		{mount.Mount{Type: "image", Target: "/x"}, "field Source must not be empty"},
		{mount.Mount{Type: "image", Source: "i", Target: "/x", ImageOptions: &mount.ImageOptions{Subpath: "/a"}},
			"subpath must be a relative path within the volume"},
		{mount.Mount{Type: "image", Source: "i", Target: "/x", BindOptions: &mount.BindOptions{}},
			"field BindOptions must not be specified"},
		{mount.Mount{Type: "volume", Source: "v", Target: "/x", VolumeOptions: &mount.VolumeOptions{Subpath: "../a"}},
			"subpath must be a relative path within the volume"},
		{mount.Mount{Type: "tmpfs", Source: "v", Target: "/x"}, "field Source must not be specified"},
		{mount.Mount{Type: "tmpfs", Target: "/x", TmpfsOptions: &mount.TmpfsOptions{Options: [][]string{{"suid"}}}},
			"invalid option: suid"},
		{mount.Mount{Type: "tmpfs", Target: "/x", TmpfsOptions: &mount.TmpfsOptions{Options: [][]string{{}}}},
			"invalid option array length"},
	} {
		want := `invalid mount config for type "` + string(row.spec.Type) + `": ` + row.text
		if _, err := ParseMount(row.spec); !errdefs.IsInvalidArgument(err) || err.Error() != want {
			t.Errorf("%+v: %v", row.spec, err)
		}
	}
	for _, s := range []string{"", "c:nocopy", "c:rslave", "c:foo"} {
		if _, _, err := parseVolumesFrom(s); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestTmpfsOptions(t *testing.T) {
	for _, row := range []struct{ user, want string }{
		{"", "noexec,nosuid,nodev,rprivate"},
		{"exec,size=1m,mode=700", "nosuid,nodev,rprivate,exec,size=1m,mode=700"},
		{"exec,noexec,size=1m,size=2m", "nosuid,nodev,rprivate,noexec,size=2m"},
		{"rw,ro", "noexec,nosuid,nodev,rprivate,ro"},
	} {
		got, err := TmpfsOptions(row.user)
		if strings.Join(got, ",") != row.want || err != nil {
			t.Errorf("%q: %v, %v", row.user, got, err)
		}
	}
	if _, err := TmpfsOptions("size"); err == nil || err.Error() != `invalid tmpfs option ["size"]` {
		t.Error(err)
	}
	m, err := TmpfsMount(&mount.Mount{Target: "/x", ReadOnly: true,
		TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 1 << 20, Mode: 0o1777}})
	if err != nil || !slices.Equal(m.Options,
		[]string{"noexec", "nosuid", "nodev", "rprivate", "ro", "mode=1777", "size=1048576"}) {
		t.Error(m, err)
	}
}

// TestResolve: what comes from another container gives way to -v and --mount, and the image's volumes to all.
func TestResolve(t *testing.T) {
	lent := []Mount{
		{MountPoint: api.MountPoint{Type: mount.TypeVolume, Name: "v", Destination: "/data", RW: true, Mode: "z"},
			CopyUp: true},
		{MountPoint: api.MountPoint{Type: mount.TypeBind, Source: "/srv", Destination: "/srv", RW: true}},
	}
	r := Mounts{
		Root: "/var/lib/docker",
		Lender: func(ref string) ([]Mount, error) {
			if ref != "other" {
				return nil, errors.New("No such container: " + ref)
			}
			return lent, nil
		},
		Exists: func(p string) bool { return p == "/here" },
	}
	bind := func(source string) mount.Mount {
		return mount.Mount{Type: mount.TypeBind, Source: source, Target: "/m"}
	}
	for name, row := range map[string]struct {
		host    api.HostConfig
		volumes []string
		want    string // destinations with what is special about them
		err     string
	}{
		"nothing": {},
		"image's": {volumes: []string{"/b/", "/a"}, want: "/a /b"},
		"tmpfs": {host: api.HostConfig{Tmpfs: map[string]string{"/a": ""}}, volumes: []string{"/a", "/b"},
			want: "/b"},
		"lent": {host: api.HostConfig{VolumesFrom: []string{"other:ro"}}, volumes: []string{"/data"},
			want: "/data:ro /srv:ro"},
		"own over lent": {host: api.HostConfig{VolumesFrom: []string{"other"}, Binds: []string{"w:/data"}},
			want: "/srv /data"},
		"twice": {host: api.HostConfig{Binds: []string{"a:/x", "b:/x/"}}, err: "Duplicate mount point: /x"},
		"mount twice": {host: api.HostConfig{Binds: []string{"a:/m"}, Mounts: []mount.Mount{bind("/here")}},
			err: "Duplicate mount point: /m"},
		"on a tmpfs": {host: api.HostConfig{Binds: []string{"a:/x"}, Tmpfs: map[string]string{"/x": ""}},
			err: "Duplicate mount point: /x"},
		"root":      {volumes: []string{"/"}, err: "invalid specification: destination can't be '/'"},
		"no lender": {host: api.HostConfig{VolumesFrom: []string{"gone"}}, err: "No such container: gone"},
		"no source": {host: api.HostConfig{Mounts: []mount.Mount{bind("/gone")}},
			err: `invalid mount config for type "bind": bind source path does not exist: /gone`},
		"made by -v":     {host: api.HostConfig{Binds: []string{"/gone:/x"}}, want: "/x"},
		"data root":      {host: api.HostConfig{Binds: []string{"/var:/x"}}, want: "/x:rslave"},
		"in data root":   {host: api.HostConfig{Binds: []string{"/var/lib/docker/volumes:/x:rshared"}}, want: "/x:rshared"},
		"beside it":      {host: api.HostConfig{Binds: []string{"/var/lib/docker2:/x"}}, want: "/x"},
		"pins data root": {host: api.HostConfig{Binds: []string{"/:/x:rprivate"}}, err: "invalid mount config: must use"},
	} {
		q := Create{Config: &api.Config{}, Host: &row.host}
		q.Config.Volumes = map[string]struct{}{}
		for _, v := range row.volumes {
			q.Config.Volumes[v] = struct{}{}
		}
		list, err := r.Resolve(&q)
		if row.err != "" {
			if !errdefs.IsInvalidArgument(err) || !strings.HasPrefix(err.Error(), row.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var got []string
		for _, m := range list {
			s := m.Destination
			if !m.RW {
				s += ":ro"
			}
			if m.Propagation != "" && m.Propagation != mount.PropagationRPrivate {
				s += ":" + string(m.Propagation)
			}
			got = append(got, s)
		}
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v %v, want %s", name, got, err, row.want)
		}
	}
	if !lent[0].CopyUp || lent[0].Mode != "z" || !lent[0].RW {
		t.Error("the lender's mounts were changed")
	}
}

// FuzzParseVolume: whatever a client sends, a mount that is taken has an absolute place that is not the root, and a
// bind an absolute source.
func FuzzParseVolume(f *testing.F) {
	for _, s := range []string{"vol:/x:ro", "/a:/b:rslave,z", "/x", "a:b:c:d", "C:\\x:/y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		m, err := ParseVolume(raw, "")
		if err != nil {
			if !errdefs.IsInvalidArgument(err) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if !strings.HasPrefix(m.Destination, "/") || m.Destination == "/" ||
			m.Type == mount.TypeBind && !strings.HasPrefix(m.Source, "/") {
			t.Fatalf("%q: %+v", raw, m)
		}
	})
}
