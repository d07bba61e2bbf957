package personalities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker"
)

// completing is the hidden first argument with which a shell asks for completions of the last word.
const completing = "__complete"

// complete answers for box and dockerd; docker completes its own commands.
func complete(ctx context.Context, name string, env *cmd.Env) error {
	words := env.Args[1:]
	if name != "box" {
		words = append([]string{name}, words...)
	}
	if len(words) > 1 && words[0] == docker.Command.Name {
		env.Args = append([]string{completing}, words[1:]...)
		return docker.Command.Main(ctx, env)
	}
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, c := range candidates(pages(), words, last) {
		if strings.HasPrefix(c, last) {
			fmt.Fprintln(env.Stdout, c)
		}
	}
	return nil
}

// candidates lists what may follow words: commands of the manual, or the flags of the command that words name.
func candidates(pages []*cmd.Usage, words []string, last string) (out []string) {
	if len(words) == 0 {
		for _, c := range table() {
			if !c.Hidden {
				out = append(out, c.Name)
			}
		}
		return out
	}
	typed := strings.Join(words, " ")
	for _, p := range pages {
		path := strings.TrimPrefix(p.Path, "box ")
		if rest, ok := strings.CutPrefix(path, typed+" "); ok {
			next, _, _ := strings.Cut(rest, " ")
			out = append(out, next)
		}
		if strings.HasPrefix(last, "-") && (path == typed || strings.HasPrefix(typed, path+" ")) {
			out = append(out, flagsOf(p)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func flagsOf(p *cmd.Usage) []string {
	out := []string{"--help"}
	for _, name := range p.Names() {
		out = append(out, "--"+name)
	}
	return out
}
