package cmd

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// ConfigFolder returns the folder of the settings and certificates of Docker's tools: DOCKER_CONFIG, or else .docker in
// the home folder. Without HOME, as in programs started by init, the home folder is looked up in the user database; for
// root it is /root if there is none.
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

// CertFolder returns the default folder of certificates: DOCKER_CERT_PATH, or else ConfigFolder.
func CertFolder(getenv func(string) string) string {
	if folder := getenv("DOCKER_CERT_PATH"); folder != "" {
		return folder
	}
	return ConfigFolder(getenv)
}
