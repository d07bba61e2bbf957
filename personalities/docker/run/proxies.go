package run

import (
	"strings"

	"box/personalities/docker/session"
)

// withProxies adds the proxy variables of the settings for the daemon, in upper and lower case since programs read
// either. Variables that env already names are not changed.
func withProxies(s *session.Session, env []string) ([]string, error) {
	set, err := s.Config()
	if err != nil || len(set.Proxies) == 0 {
		return env, err
	}
	host, _, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	p, ok := set.Proxies[host]
	if !ok {
		p = set.Proxies["default"]
	}
	named := map[string]bool{}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		named[name] = true
	}
	for _, v := range [][2]string{{"HTTP_PROXY", p.HTTP}, {"HTTPS_PROXY", p.HTTPS}, {"NO_PROXY", p.None},
		{"FTP_PROXY", p.FTP}, {"ALL_PROXY", p.All}} {
		for _, name := range []string{v[0], strings.ToLower(v[0])} {
			if v[1] != "" && !named[name] {
				env = append(env, name+"="+v[1])
			}
		}
	}
	return env, nil
}
