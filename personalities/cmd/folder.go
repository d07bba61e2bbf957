package cmd

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// ConfigFolder is where Docker's tools keep settings and certificates: DOCKER_CONFIG, else .docker of the home.
// Without HOME, as under an init, the home is what the list of users says, and root's is /root where there is no
// list.
func ConfigFolder(getenv func(string) string) string {
	if folder := getenv("DOCKER_CONFIG"); folder != "" {
		return folder
	}
	home := getenv("HOME")
	if home == "" {
		if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
			home = u.HomeDir
		}
	}
	if home == "" && os.Getuid() == 0 {
		home = "/root"
	}
	return filepath.Join(home, ".docker")
}

// CertFolder is where certificates are by default: DOCKER_CERT_PATH, else the folder of the settings.
func CertFolder(getenv func(string) string) string {
	if folder := getenv("DOCKER_CERT_PATH"); folder != "" {
		return folder
	}
	return ConfigFolder(getenv)
}
