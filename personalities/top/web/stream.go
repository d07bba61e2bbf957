package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/stats/sample"
	"box/netapi/wire"
	"box/personalities/top/hosts"
)

// description is what a page knows of a host besides numbers that change each second.
type description struct {
	Host       string
	Address    string
	Kind       string
	Dead       bool
	Since      time.Time
	Err        string   `json:",omitempty"`
	Wrong      []string `json:",omitempty"` // sentences
	Containers []row
}

// row is what describes a container in lists.
type row struct {
	ID, Name, Image, State string
	Health                 string `json:",omitempty"`
	Project, Service       string `json:",omitempty"`
	Created                time.Time
	Started, Ended         time.Time `json:",omitzero"`
	Exit                   int
	OOMKilled              bool     `json:",omitempty"`
	Ports                  []string `json:",omitempty"`
	Policy                 string   `json:",omitempty"`
	ByHand                 bool     `json:",omitempty"`
	Restarts, RestartsHour int      `json:",omitempty"`
	LastError              string   `json:",omitempty"`
	OOMKills               uint64   `json:",omitempty"`
	CPULimit               float64  `json:",omitempty"`
	MemoryLimit            uint64   `json:",omitempty"`
	PidsLimit              uint64   `json:",omitempty"`
}

// Labels that Compose gives to what it makes.
const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
)

// maxText is the maximum length of a text of a container's in lists, in bytes.
const maxText = 512

// describe returns the message that describes a host, with what is wrong on it.
func describe(s *hosts.State, wrong []string) []byte {
	d := description{Host: s.Name, Address: s.Address, Kind: s.Kind.String(), Dead: s.Dead, Since: s.Since, Err: s.Err,
		Wrong: wrong, Containers: []row{}}
	if s.Set != nil {
		for i := range s.Set.Containers {
			d.Containers = append(d.Containers, rowOf(&s.Set.Containers[i]))
		}
	}
	return message("host", d)
}

func rowOf(c *sample.Container) row {
	r := row{ID: c.ID, Name: c.Name, Image: cut(c.Image), State: c.State, Health: c.Health,
		Project: cut(c.Labels[projectLabel]), Service: cut(c.Labels[serviceLabel]), Created: c.Created,
		Started: c.Started, Ended: c.Ended, Exit: c.Exit.Code, OOMKilled: c.Exit.OOMKilled, Policy: c.Policy,
		ByHand: c.ByHand, Restarts: c.Restarts, RestartsHour: c.RestartsHour, LastError: cut(c.LastError),
		OOMKills: c.Memory.OOMKills, CPULimit: c.CPU.Limit, MemoryLimit: c.Memory.Limit, PidsLimit: c.Pids.Limit}
	for _, p := range c.Ports[:min(len(c.Ports), 16)] {
		r.Ports = append(r.Ports, cut(p))
	}
	return r
}

func cut(text string) string { return text[:min(len(text), maxText)] }

// numbers is one measurement, as small as it can be: it is sent each second.
type numbers struct {
	Host       string
	At         time.Time
	Machine    sample.Host
	Containers map[string][]float64 // by ID, in the order of measured
}

// measure returns the message with a host's last measurement, or nil if there is none.
func measure(s *hosts.State) []byte {
	if s.Set == nil || s.Dead && s.Kind != hosts.Groups {
		return nil
	}
	n := numbers{Host: s.Name, At: s.Set.At, Machine: s.Set.Host, Containers: map[string][]float64{}}
	n.Machine.Daemon.Timings = nil // which no page shows
	for i := range s.Set.Containers {
		c := &s.Set.Containers[i]
		n.Containers[c.ID] = []float64{round(c.Rate.CPU, 1e4), round(c.Rate.Throttled, 1e3), float64(c.Memory.WorkingSet),
			float64(c.Memory.Usage), round(c.Rate.Rx, 1), round(c.Rate.Tx, 1), round(c.Rate.Read, 1),
			round(c.Rate.Written, 1), float64(c.Pids.Current), float64(c.Disk.Writable), float64(c.Disk.Log)}
	}
	return message("now", n)
}

// round rounds v to a multiple of 1/parts.
func round(v, parts float64) float64 { return float64(int64(v*parts+0.5)) / parts }

// message encodes a server-sent event. JSON has no line feeds.
func message(kind string, v any) []byte {
	raw, err := wire.Marshal(v)
	if err != nil { // a year over 9999 or a number that is none, of another daemon
		return nil
	}
	return append(append([]byte("event: "+kind+"\ndata: "), raw...), "\n\n"...)
}

// aliveEvery is how often something is sent to a page at least, so that either side notices the end of the other.
const aliveEvery = 15 * time.Second

// stream sends the measurements and events of all hosts until the page is closed or too slow.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	v := s.hub.join()
	if v == nil {
		return errors.Join(errors.New("too many pages are open"), errdefs.ErrResourceExhausted)
	}
	defer s.hub.leave(v)
	w.Header().Set("Content-Type", "text/event-stream")
	out := newFlow(w)
	if err := out.write([]byte("retry: 3000\n\n")); err != nil {
		return nil
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		var err error
		select {
		case m := <-v.messages:
			select {
			case <-v.dropped:
				return nil
			default:
			}
			err = out.write(m)
		case <-alive.C:
			err = out.write([]byte(": alive\n\n"))
		case <-r.Context().Done():
			return nil
		case <-s.done:
			return nil
		}
		if err != nil {
			return nil // the page is gone
		}
	}
}

// flow writes to a client that must take each piece within writeWait.
type flow struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newFlow(w http.ResponseWriter) *flow { return &flow{w, http.NewResponseController(w)} }

func (f *flow) write(p []byte) error {
	_ = f.c.SetWriteDeadline(time.Now().Add(writeWait)) // of connections, which have them
	if _, err := f.w.Write(p); err != nil {
		return err
	}
	return f.c.Flush()
}

// Write is write for an io.Writer.
func (f *flow) Write(p []byte) (int, error) {
	if err := f.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
