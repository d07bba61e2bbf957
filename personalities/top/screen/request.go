package screen

import (
	"fmt"
	"slices"
	"time"
)

// Request is something to be done or to be asked of a host.
type Request struct {
	Verb   string
	Host   int    // index of the host
	Target string // ID or name of what it is done to
	Name   string // of it, for people
	Text   string // further word of the verb: a signal, a filter
	Limits *Limits
	From   time.Time // of a history
	To     time.Time
	Points int
}

// Limits are new limits of a container, as they were typed; empty: unchanged.
type Limits struct {
	Memory, CPUs, Policy string
	Swap                 int64 // bytes that it may swap beside its memory, which stays; -1: there is no limit of both
}

// Answer is what came of a request. A verb that follows something has many answers.
type Answer struct {
	Request
	Data any
	Err  error
}

// The verbs that ask. leave ends those that follow.
const (
	leave     = "leave"
	history   = "history"
	processes = "processes"
	inspect   = "inspect"
	log       = "log"
	events    = "events"
	images    = "images"
	volumes   = "volumes"
	networks  = "networks"
	usage     = "usage"
)

// verbs are those that change something, with what is said once it is done.
var verbs = map[string]string{
	"start": "started", "stop": "stopped", "restart": "restarted", "kill": "killed", "pause": "paused",
	"unpause": "unpaused", "remove": "removed", "update": "updated", "shell": "left the shell of", "pull": "pulled",
	"remove image": "removed image", "create volume": "created volume", "remove volume": "removed volume",
	"create network": "created network", "remove network": "removed network",
}

// changes tells whether a request changes something.
func (r Request) changes() bool { return verbs[r.Verb] != "" }

// done says that a request was carried out.
func (r Request) done() string { return fmt.Sprintf("%s %s", verbs[r.Verb], r.label()) }

func (r Request) label() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Target
}

// questions are asked before what destroys something, or interrupts a service.
var questions = map[string]string{
	"stop":           "Stop %s?",
	"restart":        "Restart %s?",
	"kill":           "Kill %s?",
	"remove":         "Remove %s, its changed files and its anonymous volumes? It is killed if it runs.",
	"remove image":   "Remove the image %s?",
	"remove volume":  "Remove the volume %s and all data in it?",
	"remove network": "Remove the network %s?",
}

// ask returns a request, or opens the question before it.
func (m *Model) ask(r Request) []Request {
	text := questions[r.Verb]
	if text == "" {
		return []Request{r}
	}
	where := ""
	if len(m.states) > 1 {
		where = " On " + m.state(r.Host).Name + "."
	}
	m.dialog = &question{text: fmt.Sprintf(text, r.label()) + where, request: r}
	return nil
}

// act is a key that does something to the container under the cursor.
type act struct {
	key, verb, text string
	when            []string // states of the container
}

// acts are in the order of the menu.
var acts = []act{
	{"s", "start", "start", []string{"created", "exited", "dead"}},
	{"s", "stop", "stop", []string{"running", "paused", "restarting"}},
	{"r", "restart", "restart", []string{"running", "paused", "exited", "restarting"}},
	{"K", "kill", "kill", []string{"running", "paused", "restarting"}},
	{"p", "pause", "pause", []string{"running"}},
	{"p", "unpause", "unpause", []string{"paused"}},
	{"e", "shell", "shell", []string{"running"}},
	{"u", "update", "change limits", nil},
	{"D", "remove", "remove", nil},
}

// possible returns what can be done to a container in a state.
func possible(state string) (list []act) {
	for _, a := range acts {
		if len(a.when) == 0 || slices.Contains(a.when, state) {
			list = append(list, a)
		}
	}
	return list
}

// do does what a key means for a container.
func (m *Model) do(k string, host int, id string) ([]Request, bool) {
	c := m.find(host, id)
	if c == nil {
		return nil, false
	}
	for _, a := range possible(c.State) {
		if a.key != k {
			continue
		}
		r := Request{Verb: a.verb, Host: host, Target: c.ID, Name: c.Name}
		if a.verb == "update" {
			m.dialog = limitsDialog(r, c)
			return nil, true
		}
		return m.ask(r), true
	}
	if k == "a" {
		m.dialog = actsMenu(c)
		return nil, true
	}
	return nil, slices.ContainsFunc(acts, func(a act) bool { return a.key == k })
}
