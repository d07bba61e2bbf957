// Package config reads and checks the daemon's options: the command line, DOCKER_OPTS and daemon.json.
//
// Every option is a field of one struct (options.go, unsupported.go) that declares its flag, its key and its help. All
// sources store values through the same function (apply.go), so a value means the same everywhere. testdata/flags.tsv
// lists Docker's options, and a test fails if box does not know one of them. The options that a reload may change are
// engine.Settings, which are replaced as a whole, together with the client of registries; transfers under way keep the
// old one. A reload takes effect completely or not at all: everything is read and checked, and plugins are asked,
// before anything changes.
package config
