package ssh

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// config is the part of ~/.ssh/config that applies to one host.
type config struct {
	host, port, user string
	identities       []string // files of keys, in order
	knownHosts       []string // files
}

// harmless are directives that can be ignored, because they change neither the destination nor the user nor what is
// trusted. Other unknown directives are refused, since without them the connection could go to another machine or with
// other rights.
const harmless = " addkeystoagent addressfamily batchmode canonicaldomains checkhostip clearallforwardings " +
	"compression connectionattempts connecttimeout controlmaster" +
	" controlpath controlpersist enableescapecommandline escapechar forwardagent forwardx11 forwardx11timeout " +
	"forwardx11trusted gssapiauthentication" +
	" gssapidelegatecredentials hashknownhosts ipqos kbdinteractiveauthentication loglevel logverbose " +
	"nohostauthenticationforlocalhost numberofpasswordprompts" +
	" passwordauthentication preferredauthentications pubkeyauthentication requesttty rekeylimit sendenv " +
	"serveralivecountmax serveraliveinterval sessiontype" +
	" streamlocalbindmask streamlocalbindunlink syslogfacility tag tcpkeepalive updatehostkeys visualhostkey " +
	"xauthlocation "

// readConfig parses a part of ssh_config(5): Host, HostName, Port, User, IdentityFile, UserKnownHostsFile. A missing
// file is empty. The first value counts, except that IdentityFile collects all.
func readConfig(file, home, alias string) (*config, error) {
	c := &config{}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	applies := true
	in := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for n := 1; in.Scan(); n++ {
		key, values, err := directive(in.Text())
		if err == nil && key != "" {
			if key == "host" {
				applies = matches(values, alias)
				continue
			}
			err = c.take(key, values, home, applies)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file, n, err)
		}
	}
	return c, in.Err()
}

// take handles a directive. Unsupported ones are an error if they apply. Match and Include are always an error, since
// it is not known whether they apply.
func (c *config) take(key string, values []string, home string, applies bool) error {
	if key == "match" || key == "include" {
		return fmt.Errorf("box does not support %s in this file: write its settings into the file, or install ssh", key)
	}
	if !applies || strings.Contains(harmless, " "+key+" ") {
		return nil
	}
	set := func(field *string) {
		if *field == "" {
			*field = values[0]
		}
	}
	switch key {
	case "hostname":
		set(&c.host)
	case "port":
		set(&c.port)
	case "user":
		set(&c.user)
	case "identityfile":
		c.identities = append(c.identities, expand(values[0], home))
	case "userknownhostsfile":
		if c.knownHosts == nil {
			for _, v := range values {
				c.knownHosts = append(c.knownHosts, expand(v, home))
			}
		}
	// Keys of the agent are tried after the files; hosts that are not known are refused in any case
	case "identitiesonly", "stricthostkeychecking":
	default:
		return fmt.Errorf("box does not support %s: remove it for this host, or install ssh", key)
	}
	return nil
}

// directive splits a line into a keyword and its values, which may be quoted and follow blanks or "=".
func directive(line string) (key string, values []string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return "", nil, fmt.Errorf("%s has no value", line)
	}
	key, line = strings.ToLower(line[:end]), strings.TrimLeft(line[end:], " \t")
	line = strings.TrimLeft(strings.TrimPrefix(line, "="), " \t")
	for line != "" {
		var word string
		if quoted, ok := strings.CutPrefix(line, `"`); ok {
			if word, line, ok = strings.Cut(quoted, `"`); !ok {
				return "", nil, fmt.Errorf("%s: a quote is not closed", key)
			}
		} else if end := strings.IndexAny(line, " \t"); end >= 0 {
			word, line = line[:end], line[end:]
		} else {
			word, line = line, ""
		}
		values = append(values, word)
		line = strings.TrimLeft(line, " \t")
	}
	if len(values) == 0 {
		return "", nil, fmt.Errorf("%s has no value", key)
	}
	return key, values, nil
}

// matches tells whether a Host line applies: one of its patterns matches, and none of those with "!".
func matches(patterns []string, name string) bool {
	found := false
	for _, p := range patterns {
		bare, not := strings.CutPrefix(p, "!")
		// in patterns of ssh only * and ? are special
		bare = strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(bare)
		if ok, _ := path.Match(bare, name); ok {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// expand replaces the home folder at the beginning of a path.
func expand(file, home string) string {
	for _, prefix := range []string{"~/", "%d/", "${HOME}/"} {
		if rest, ok := strings.CutPrefix(file, prefix); ok {
			return filepath.Join(home, rest)
		}
	}
	return file
}
