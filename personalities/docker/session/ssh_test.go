package session

import (
	"slices"
	"strings"
	"testing"
)

func TestSSHArguments(t *testing.T) {
	for _, row := range []struct{ host, want, err string }{
		{host: "ssh://h", want: "-o ConnectTimeout=30 -T -- h docker system dial-stdio"},
		{host: "ssh://u@h:22", want: "-o ConnectTimeout=30 -T -l u -p 22 -- h docker system dial-stdio"},
		{host: "ssh://u@[::1]/run/it's.sock",
			want: `-o ConnectTimeout=30 -T -l u -- ::1 docker --host 'unix:///run/it'\''s.sock' system dial-stdio`},
		{host: "ssh://", err: "no host"},
		{host: "ssh://u:p@h", err: "password"},
		{host: "ssh://-oProxyCommand=x", err: "invalid ssh host"},
		{host: "ssh://h?x", err: "query"},
	} {
		h, err := sshHost(row.host)
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: %v", row.host, err)
			}
			continue
		}
		if got := strings.Join(sshArguments(h), " "); err != nil || got != row.want {
			t.Errorf("%s: %s, %v", row.host, got, err)
		}
	}
}

func FuzzSSHArguments(f *testing.F) {
	f.Add("ssh://u@h:22/run/x.sock")
	f.Fuzz(func(t *testing.T, host string) {
		h, err := sshHost(host)
		if err != nil {
			return
		}
		args := sshArguments(h)
		if i := slices.Index(args, "--"); i < 0 || strings.HasPrefix(args[i+1], "-") {
			t.Errorf("%q makes an option: %q", host, args)
		}
	})
}
