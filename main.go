// Box is a container daemon, its client and their tools in one file.
package main

import (
	"context"
	"os"
	"runtime"

	"box/personalities"
	"box/personalities/cmd"
)

func main() {
	runtime.MemProfileRate = 0 // what is allocated is watched by a daemon with -D alone
	dir, err := os.Getwd()
	if err != nil {
		dir = "/" // the folder we were started in is gone; absolute paths still work
	}
	os.Exit(personalities.Main(context.Background(), os.Args[0], &cmd.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Getenv: os.Getenv,
		Dir:    dir,
	}))
}
