package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/container"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// completions returns the completion script of each shell. All of them run `docker __complete WORD...`, which prints
// the possible completions of the last word.
func completions() map[string]string {
	return map[string]string{
		"bash": `# bash completion for docker, dockerd and box: source <(docker completion bash)
_docker_box() {
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _docker_box docker dockerd box
`,
		"zsh": `#compdef docker dockerd box
# zsh completion for docker, dockerd and box: source <(docker completion zsh)
_docker_box() {
	local -a found
	found=("${(@f)$($words[1] __complete "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
	compadd -a found || _files
}
compdef _docker_box docker dockerd box
`,
		"fish": `# fish completion for docker, dockerd and box: docker completion fish | source
function __docker_box
	set -l words (commandline -opc)
	$words[1] __complete $words[2..] (commandline -ct) 2>/dev/null
end
for program in docker dockerd box
	complete -c $program -a '(__docker_box)'
end
`,
	}
}

// completion is `docker completion`.
type completion struct{}

func (*completion) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	script, ok := completions()[p.Args[0]]
	if !ok {
		return fmt.Errorf("no completion for the shell %q: there is one for bash, zsh and fish", p.Args[0])
	}
	_, err := fmt.Fprint(s.Out, script)
	return err
}

// completeWithin limits the wait for a daemon, so that a slow one does not block the prompt.
const completeWithin = time.Second

// complete prints the possible completions of the last word. It never prints errors.
func complete(ctx context.Context, s *session.Session, words []string) error {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, c := range candidates(ctx, s, words, last) {
		if strings.HasPrefix(c, last) {
			fmt.Fprintln(s.Out, c)
		}
	}
	return nil
}

func candidates(ctx context.Context, s *session.Session, words []string, last string) []string {
	if n := len(words); n > 0 && (words[n-1] == "-c" || words[n-1] == "--context") {
		return contextNames(s)
	}
	words = withoutGlobal(words)
	if len(words) == 0 {
		if strings.HasPrefix(last, "-") {
			return flagNames(s.Usage())
		}
		return topNames()
	}
	row, n := find(words)
	if row == nil {
		if len(words) == 1 && findGroup(words[0]) != nil {
			return verbsOf(words[0])
		}
		return nil
	}
	if strings.HasPrefix(last, "-") {
		return flagNames(row.usage("docker " + strings.Join(words[:n], " ")))
	}
	operands := 0
	for _, w := range words[n:] {
		if !strings.HasPrefix(w, "-") {
			operands++
		}
	}
	return objects(ctx, s, row, operands)
}

// flagNames returns the flags that help lists.
func flagNames(u *cmd.Usage) []string {
	var out []string
	for _, name := range u.Names() {
		out = append(out, "--"+name)
	}
	return append(out, "--help")
}

// withoutGlobal removes the options before the command, and their values.
func withoutGlobal(words []string) []string {
	u := (&session.Session{}).Usage()
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		words = words[min(max(u.Takes(words[0]), 1), len(words)):]
	}
	return words
}

// contextNames returns the names of all contexts, the default one included.
func contextNames(s *session.Session) []string {
	list, _ := s.Contexts().List()
	out := []string{session.DefaultContext}
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}

// objects asks the daemon for names that fit the synopsis of the command.
func objects(ctx context.Context, s *session.Session, row *command, at int) []string {
	if operand, _, _ := strings.Cut(strings.TrimPrefix(row.synopsis, "[OPTIONS] "), " "); strings.Trim(operand,
		"[]") == "CONTEXT" {
		if row.names[0] == "context create" || row.names[0] == "context import" || at > 0 && row.max == 1 {
			return nil
		}
		return contextNames(s)
	}
	api, err := s.Client()
	if err != nil {
		return nil
	}
	switch operand, rest, _ := strings.Cut(strings.TrimPrefix(row.synopsis, "[OPTIONS] "), " "); {
	case at > 0 && rest == "", row.max == passthrough && at > 0:
		return nil
	case strings.HasPrefix(operand, "CONTAINER") || operand == "NAME|ID":
		return containerCandidates(ctx, api, row)
	case strings.Contains(operand, "IMAGE") || strings.HasPrefix(operand, "[REPOSITORY") ||
		strings.HasPrefix(operand, "NAME["):
		return imageCandidates(ctx, api)
	case strings.Contains(operand, "NETWORK"):
		list, _ := api.NetworkList(ctx, nil)
		var out []string
		for _, n := range list {
			out = append(out, n.Name)
		}
		return out
	case strings.Contains(operand, "VOLUME"):
		list, _ := api.VolumeList(ctx, nil)
		var out []string
		for _, v := range list.Volumes {
			out = append(out, v.Name)
		}
		return out
	case operand == "SHELL":
		return values.SortedKeys(completions())
	}
	return nil
}

// containerCandidates returns the names of containers on which the command can work: stopped ones for start, running
// ones for exec.
func containerCandidates(ctx context.Context, api *client.Client, row *command) []string {
	verb := row.names[len(row.names)-1]
	all := !slices.Contains([]string{"attach", "exec", "kill", "pause", "port", "stats", "stop", "top", "unpause"},
		verb)
	list, _ := api.ContainerList(ctx, client.ListContainers{All: all})
	var out []string
	for _, c := range list {
		if verb == "start" && c.State == "running" {
			continue
		}
		out = append(out, container.Names(c.Names, false))
	}
	return out
}

func imageCandidates(ctx context.Context, api *client.Client) []string {
	list, _ := api.ImageList(ctx, false, false, nil)
	var out []string
	for _, i := range list {
		for _, t := range i.RepoTags {
			if t != "<none>:<none>" {
				out = append(out, t)
			}
		}
	}
	return out
}
