package docker

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/cmd"
)

// containerLogs is `docker container logs`.
type containerLogs struct {
	Details    bool   `help:"Show the labels and variables that the log keeps"`
	Follow     bool   `short:"f" help:"Go on as more is written"`
	Since      string `help:"From this time on: 2026-01-02T13:23:37Z, or 42m ago"`
	Tail       string `short:"n" default:"all" help:"Lines from the end"`
	Timestamps bool   `short:"t" help:"Show when each line was written"`
	Until      string `help:"Up to this time: 2026-01-02T13:23:37Z, or 42m ago"`
}

func (f *containerLogs) Run(ctx context.Context, s *session, p *cmd.Parsed) (err error) {
	o := client.Logs{Stdout: true, Stderr: true, Details: f.Details, Follow: f.Follow, Since: f.Since, Tail: f.Tail, Timestamps: f.Timestamps, Until: f.Until}
	for name, at := range map[string]*string{"since": &o.Since, "until": &o.Until} {
		if *at, err = instant(*at, time.Now()); err != nil {
			return fmt.Errorf("invalid value for %q: %w", name, err)
		}
	}
	state, err := s.state(ctx, p.Args[0])
	if err != nil {
		return err
	}
	body, err := s.api.ContainerLogs(ctx, state.ID, o)
	if err != nil {
		return err
	}
	defer body.Close()
	if state.Config.Tty {
		_, err = io.Copy(s.out, body)
		return err
	}
	return wire.Demux(s.out, s.errw, body)
}

// instant turns what a user writes for a time into what the API reads, Unix seconds with nanoseconds: a
// duration before now, a date with or without time and zone, or the seconds themselves.
func instant(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	// "0" is a time, as in Docker, not the duration that it would be by itself.
	if d, err := time.ParseDuration(text); err == nil && text != "0" {
		return epoch(now.Add(-d)), nil
	}
	if seconds, fraction, _ := strings.Cut(text, "."); isDigits(seconds) && (fraction == "" || isDigits(fraction)) {
		return text, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02",
		"2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00", "2006-01-02Z07:00"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return epoch(t), nil
		}
	}
	return "", fmt.Errorf("failed to parse value as time or duration: %q", text)
}

func isDigits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

func epoch(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }
