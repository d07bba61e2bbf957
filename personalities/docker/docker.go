// Package docker is the client: `box docker`, or the file under the name docker.
package docker

import (
	"context"

	"box/personalities/cmd"
)

// Command is the client personality.
var Command = cmd.Command{Name: "docker", Summary: "Talk to a container daemon: run, ps, logs, ...", Main: Main}

// Main runs one docker command line.
func Main(ctx context.Context, env *cmd.Env) error { return nil }
