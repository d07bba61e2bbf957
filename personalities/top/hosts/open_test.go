package hosts

import (
	"path/filepath"
	"strings"
	"testing"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// user is the environment of a user with settings in a folder.
func user(t *testing.T, vars map[string]string) *cmd.Env {
	t.Helper()
	vars["HOME"] = t.TempDir()
	return &cmd.Env{Getenv: func(name string) string { return vars[name] }, Dir: vars["HOME"]}
}

// stored stores a context for an address.
func stored(t *testing.T, env *cmd.Env, name string, e session.DockerEndpoint) {
	t.Helper()
	s := session.New(env, func(string) bool { return false })
	c := &session.StoredContext{Name: name}
	c.SetDocker(e)
	if err := s.Contexts().Put(c, nil); err != nil {
		t.Fatal(err)
	}
}

// Hosts are named and found as `docker` would find them, and `docker` finds them by the options that each tells.
func TestOpen(t *testing.T) {
	tls := []string{"--tls=false", "--tlsverify=true", "--tlscacert"}
	for _, row := range []struct {
		name    string
		vars    map[string]string
		which   Which
		want    string // name=address of each
		options []string
	}{
		{"nothing said", map[string]string{}, Which{}, "default=" + client.DefaultHost, nil},
		{"the environment", map[string]string{"DOCKER_HOST": "unix:///d"}, Which{}, "default=unix:///d", nil},
		{"its context", map[string]string{"DOCKER_CONTEXT": "edge1"}, Which{}, "edge1=tcp://10.0.0.1:2375", nil},
		{"addresses", map[string]string{"DOCKER_HOST": "unix:///d"}, Which{Hosts: []string{"unix:///a", "10.0.0.9"}},
			"unix:///a=unix:///a 10.0.0.9=tcp://10.0.0.9:2375", []string{"-H 10.0.0.9"}},
		{"contexts and an address", map[string]string{}, Which{Hosts: []string{"unix:///a"},
			Contexts: []string{"edge2", "edge1"}}, "unix:///a=unix:///a edge2=tcp://10.0.0.2:1 edge1=tcp://10.0.0.1:2375",
			[]string{"--context edge1"}},
		{"ssh", map[string]string{}, Which{Hosts: []string{"ssh://root@far"}}, "ssh://root@far=ssh://root@far", nil},
		{"TLS", map[string]string{"DOCKER_TLS_VERIFY": "1"}, Which{Hosts: []string{"unix:///a"}}, "unix:///a=unix:///a", tls},
		{"TLS by a flag", map[string]string{}, Which{TLSVerify: true, TLSCA: "/my/ca.pem", Hosts: []string{"unix:///a"}},
			"unix:///a=unix:///a", append(tls, "/my/ca.pem")},
	} {
		env := user(t, row.vars)
		stored(t, env, "edge1", session.DockerEndpoint{Host: "tcp://10.0.0.1:2375"})
		stored(t, env, "edge2", session.DockerEndpoint{Host: "tcp://10.0.0.2:1"})
		all, err := Open(env, row.which)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var got []string
		for _, h := range all {
			got = append(got, h.State().Name+"="+h.State().Address)
			if (h.groups != nil) != (h.State().Address == client.DefaultHost) {
				t.Errorf("%s: control groups of %s", row.name, h.State().Address)
			}
			h.Close()
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		options := strings.Join(all[len(all)-1].Docker(), " ")
		for _, o := range row.options {
			if !strings.Contains(options, o) {
				t.Errorf("%s: docker %s, without %s", row.name, options, o)
			}
		}
	}
}

// With all contexts, one that cannot be used is dead and says why; named, it is an error.
func TestOpenAll(t *testing.T) {
	env := user(t, map[string]string{})
	stored(t, env, "good", session.DockerEndpoint{Host: "unix://" + filepath.Join(t.TempDir(), "s")})
	stored(t, env, "spoilt", session.DockerEndpoint{Host: "what://is/this"})
	all, err := Open(env, Which{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range all {
		names = append(names, h.State().Name)
		if h.State().Name == "spoilt" {
			s := until(t, h, "dead", func(s State) bool { return s.Dead })
			if !strings.Contains(s.Err, "what://is/this") {
				t.Errorf("dead for no reason: %+v", s)
			}
		}
		defer h.Close()
	}
	if strings.Join(names, " ") != "default good spoilt" {
		t.Errorf("%q", names)
	}
	for _, w := range []Which{{Contexts: []string{"spoilt"}}, {Contexts: []string{"nobody"}}, {Hosts: []string{"x://y"}}} {
		if _, err := Open(env, w); err == nil {
			t.Errorf("%+v is opened", w)
		}
	}
}
