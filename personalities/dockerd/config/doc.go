// Package config is what the daemon is told: its command line, DOCKER_OPTS and daemon.json, read into one struct and
// checked.
//
// Every option of the daemon is a field of one struct (personalities/dockerd/config: options.go, unsupported.go): its
// flag, its key, what it says in help. The command line, DOCKER_OPTS and daemon.json set the same fields by the same
// function (apply.go), so that a value means the same everywhere; testdata/flags.tsv has Docker's options, and a test
// that fails when one of them has no verdict. What a reload may change is engine.Settings, swapped as a whole; a new
// registry client is part of it, and transfers under way keep the old one. Loading gives the old or the new: all is
// read, checked and, for plugins, asked before anything is changed.
package config
