package install

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// service is what an init needs to run the daemon.
type service struct {
	files  []serviceFile
	links  []serviceLink
	entry  string   // a line of /etc/inittab
	reload []string // command that makes a running init reload its files
	hint   string   // command that starts the daemon
}

type serviceFile struct {
	path, text string
	mode       os.FileMode
}

type serviceLink struct{ path, to string }

// initSystem is a row of the table of inits.
type initSystem struct {
	name  string
	found func(root string) bool // whether the system at root uses this init; the first match counts
	make  func(p place) service
}

// place is where the daemon is installed.
type place struct {
	root    string // root of the system; other paths are below it
	dockerd string
	options string // file with DOCKER_OPTS
}

// logFile is the daemon's log for inits that keep none.
const logFile = "/var/log/docker.log"

// inits returns the known inits. A running one comes first, since a system may have files of several.
func inits() []initSystem {
	return []initSystem{
		{"systemd", func(r string) bool { return there(r, "run/systemd/system") }, systemd},
		{"openrc", func(r string) bool { return there(r, "sbin/openrc-run") || there(r, "usr/sbin/openrc-run") }, openrc},
		{"upstart", func(r string) bool { return there(r, "etc/init") && there(r, "sbin/initctl") }, upstart},
		{"busybox", isBusybox, busybox},
		{"sysv", func(r string) bool { return there(r, "etc/init.d") && levels(r) != "" }, sysv},
		{"systemd", func(r string) bool { return there(r, "etc/systemd/system") }, systemd},
		{"none", func(string) bool { return true }, nothing},
	}
}

func there(root, path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}

func isBusybox(root string) bool {
	to, err := os.Readlink(filepath.Join(root, "sbin/init"))
	return err == nil && filepath.Base(to) == "busybox" && there(root, "etc/inittab")
}

// levels returns the folder of the runlevels, or "".
func levels(root string) string {
	for _, dir := range []string{"/etc/rc.d", "/etc"} {
		if there(root, dir+"/rc2.d") {
			return dir
		}
	}
	return ""
}

// optionsFile returns the file with the daemon's options.
func optionsFile(root string) string {
	if there(root, "etc/sysconfig") {
		return "/etc/sysconfig/docker"
	}
	return "/etc/default/docker"
}

// fill replaces the placeholders in a text.
func (p place) fill(text string) string {
	return strings.NewReplacer("@DOCKERD@", p.dockerd, "@OPTIONS@", p.options, "@LOG@", logFile, "@MARK@",
		mark).Replace(text)
}

func systemd(p place) service {
	const dir = "/etc/systemd/system/"
	socket := systemdSocket
	if !hasGroup(p.root, "docker") {
		socket = strings.Replace(socket, "SocketGroup=docker\n", "", 1) // systemd refuses a socket whose group is not there
	}
	return service{
		files: []serviceFile{{dir + "docker.service", p.fill(systemdService), 0o644},
			{dir + "docker.socket", p.fill(socket), 0o644}},
		links: []serviceLink{
			{dir + "multi-user.target.wants/docker.service", dir + "docker.service"},
			{dir + "sockets.target.wants/docker.socket", dir + "docker.socket"},
		},
		reload: []string{"systemctl", "daemon-reload"},
		hint:   "systemctl start docker",
	}
}

func hasGroup(root, name string) bool {
	raw, err := os.ReadFile(filepath.Join(root, "etc/group"))
	return err == nil && strings.Contains("\n"+string(raw), "\n"+name+":")
}

func openrc(p place) service {
	return service{
		files: []serviceFile{{"/etc/init.d/docker", p.fill(openrcScript), 0o755}},
		links: []serviceLink{{"/etc/runlevels/default/docker", "/etc/init.d/docker"}},
		hint:  "rc-service docker start",
	}
}

func upstart(p place) service {
	return service{files: []serviceFile{{"/etc/init/docker.conf", p.fill(upstartJob), 0o644}}, hint: "start docker"}
}

func sysv(p place) service {
	dir := cmp.Or(levels(p.root), "/etc") // its folders are made where there are none
	script := "/etc/init.d/docker"
	s := service{files: []serviceFile{{script, p.fill(sysvScript), 0o755}}, hint: "service docker start"}
	for level := range 7 {
		name := "S95docker"
		if level < 2 || level == 6 {
			name = "K05docker"
		}
		s.links = append(s.links, serviceLink{fmt.Sprintf("%s/rc%d.d/%s", dir, level, name), script})
	}
	return s
}

func busybox(p place) service {
	return service{entry: p.fill(inittabLine), hint: "kill -HUP 1"}
}

func nothing(p place) service {
	return service{hint: p.fill(inittabLine)}
}
