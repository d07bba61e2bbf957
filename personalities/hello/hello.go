// Package hello is the program in the embedded image, which proves that containers run.
package hello

import (
	"context"
	"fmt"
	"os"

	"box/personalities/cmd"
)

// Command prints a greeting. It needs no daemon, files or network.
var Command = cmd.Command{Name: "hello", Summary: "Greet from inside a container", Hidden: true, Main: greet}

func greet(_ context.Context, env *cmd.Env) error {
	host, err := os.Hostname()
	if err != nil {
		host = "this container"
	}
	_, err = fmt.Fprintf(env.Stdout, `Hello from %s!

This text was printed by a program in a container, so the whole way works:
the client asked the daemon, the daemon unpacked an image that it carries within
itself, the keeper started the program and its output came back to you.

Next, run something of your own:
  docker load -i image.tar
  docker run --rm -it IMAGE sh
`, host)
	return err
}
