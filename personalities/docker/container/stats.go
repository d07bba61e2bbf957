package container

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

// Stats is `docker container stats`.
type Stats struct {
	All      bool   `short:"a" help:"Show all containers, also stopped ones"`
	Format   string `help:"${format}"`
	NoStream bool   `help:"Print one measurement and stop"`
	NoTrunc  bool   `help:"Do not shorten IDs"`
}

func statsListing() *table.Listing {
	return &table.Listing{
		Setting:  "statsFormat",
		Flexible: []string{"Name"}, Optional: []string{"BlockIO", "PIDs"},
		Standard: []table.Column{{"ID", "CONTAINER ID"}, {"Name", "NAME"}, {"CPUPerc", "CPU %"},
			{"MemUsage", "MEM USAGE / LIMIT"},
			{"MemPerc", "MEM %"}, {"NetIO", "NET I/O"}, {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"}},
		Others: []table.Column{{"Container", "CONTAINER"}},
	}
}

// Run implements session.Runner.
func (f *Stats) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return f.run(ctx, s, p.Args)
}

// meter is the last measurement of one container.
type meter struct {
	asked string // name or ID that the user gave
	stats container.StatsResponse
	have  bool
	err   error
}

// meters is the list of containers; a goroutine for each one writes, and the screen reads.
type meters struct {
	mu   sync.Mutex
	list []*meter
}

func (f *Stats) run(ctx context.Context, s *session.Session, names []string) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		list, err := api.ContainerList(ctx, client.ListContainers{All: f.All})
		if err != nil {
			return err
		}
		for _, c := range list {
			names = append(names, c.ID)
		}
	}
	m := &meters{}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, name := range names {
		one := &meter{asked: name}
		m.list = append(m.list, one)
		all.Go(func() { m.follow(ctx, api, one, !f.NoStream) })
	}
	if f.NoStream {
		all.Wait()
		return f.draw(s, s.Out, m)
	}
	return f.repeat(ctx, s, m)
}

// follow reads the measurements of one container until they end.
func (m *meters) follow(ctx context.Context, api *client.Client, one *meter, stream bool) {
	body, err := api.ContainerStats(ctx, one.asked, stream, false)
	if err == nil {
		defer body.Close()
		r := wire.NewJSONReader(body)
		for err == nil {
			var next container.StatsResponse
			if err = r.Read(&next); err == nil {
				m.mu.Lock()
				one.stats, one.have = next, true
				m.mu.Unlock()
				if !stream {
					return
				}
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !errors.Is(err, io.EOF) {
		one.err = err
	}
	one.have = one.have && stream && one.err == nil
}

// repeat redraws the list in place twice a second.
func (f *Stats) repeat(ctx context.Context, s *session.Session, m *meters) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	_, isTerminal := session.Terminal(s.Out)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := m.failure(); err != nil {
			return err
		}
		var screen bytes.Buffer
		if isTerminal {
			screen.WriteString("\x1b[H")
		}
		if err := f.draw(s, &screen, m); err != nil {
			return err
		}
		text := screen.String()
		if isTerminal {
			// clear the rest of longer lines, and everything below
			text = strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
		}
		if _, err := io.WriteString(s.Out, text); err != nil {
			return err
		}
	}
}

// failure returns an error if no container at all can be measured.
func (m *meters) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.list {
		if one.err == nil {
			return nil
		}
	}
	if len(m.list) == 0 {
		return nil
	}
	return m.list[0].err
}

func (f *Stats) draw(s *session.Session, w io.Writer, m *meters) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []*meterRow
	for _, one := range m.list {
		if one.err != nil {
			if len(m.list) == 1 || f.NoStream {
				return one.err
			}
			continue
		}
		rows = append(rows, &meterRow{one, f.NoTrunc})
	}
	return table.Print(s, w, statsListing(), f.Format, rows)
}
