// Package change applies instructions of a Dockerfile to the configuration of an image: those that --change of `docker
// commit` and `docker import` accepts, which do not touch files.
package change

import (
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"box/engine/refuse"
)

// maxChanges limits the length of all changes in bytes.
const maxChanges = 1 << 20

// state is a configuration that is being changed.
type state struct {
	config *dockerspec.DockerOCIImageConfig
	cmdSet bool // an instruction of this run set CMD: a later ENTRYPOINT leaves it
}

// instructions are the accepted instructions, by name in lower case.
var instructions = map[string]func(*state, string) error{
	"cmd":         (*state).cmd,
	"entrypoint":  (*state).entrypoint,
	"env":         (*state).env,
	"expose":      (*state).expose,
	"healthcheck": (*state).healthcheck,
	"label":       (*state).label,
	"onbuild":     (*state).onbuild,
	"stopsignal":  (*state).stopSignal,
	"user":        (*state).user,
	"volume":      (*state).volume,
	"workdir":     (*state).workdir,
}

// Change applies instructions to c in order. c owns what it points to from then on; what it pointed to before is not
// written to. After an error c is as far as the instructions before it.
func Change(c *dockerspec.DockerOCIImageConfig, changes []string) error {
	lines, err := logicalLines(strings.Join(changes, "\n"))
	if err != nil {
		return err
	}
	// Check all names first.
	for _, l := range lines {
		if name, _ := cutWord(l); instructions[strings.ToLower(name)] == nil {
			return refuse.Invalid("%s is not a valid change command", name)
		}
	}
	s := state{config: c}
	for _, l := range lines {
		name, rest := cutWord(l)
		if err := instructions[strings.ToLower(name)](&s, rest); err != nil {
			return err
		}
	}
	return nil
}

// logicalLines joins lines that end with a backslash, and drops comments and empty lines.
func logicalLines(text string) ([]string, error) {
	if len(text) > maxChanges {
		return nil, refuse.Invalid("changes of %d bytes, at most %d are taken", len(text), maxChanges)
	}
	var lines []string
	var open strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "#") || trimmed == "" {
			continue
		}
		if head, more := strings.CutSuffix(strings.TrimRight(line, " \t\r"), `\`); more {
			open.WriteString(head)
			continue
		}
		open.WriteString(strings.TrimRight(line, "\r"))
		lines = append(lines, strings.TrimSpace(open.String()))
		open.Reset()
	}
	if rest := strings.TrimSpace(open.String()); rest != "" {
		lines = append(lines, rest)
	}
	return lines, nil
}

// cutWord splits off the first word.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}
