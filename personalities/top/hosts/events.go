package hosts

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"

	"box/netapi/client"
)

// runs is what events tell of the lives of containers, by ID.
type runs struct {
	died    map[string]time.Time   // since when a container that has ended was not started again
	byHand  map[string]bool        // somebody has asked for the end
	started map[string][]time.Time // starts by a restart policy
}

func newRuns() runs {
	return runs{map[string]time.Time{}, map[string]bool{}, map[string][]time.Time{}}
}

// maxRuns bounds the starts that are kept of a container.
const maxRuns = 3600

// take takes an event of a container. Docker does not say who has started a container: it was the policy if nobody had
// asked for the end, and the container has one (see restarts).
func (r *runs) take(id string, action events.Action, signal string, at time.Time) {
	switch action {
	case events.ActionStop:
		r.byHand[id] = true
	case events.ActionKill:
		r.byHand[id] = r.byHand[id] || slices.Contains([]string{"2", "3", "9", "15"}, signal) // not one to reload
	case events.ActionDie:
		r.died[id] = at
	case events.ActionStart:
		if _, ended := r.died[id]; ended && !r.byHand[id] {
			all := append(r.started[id], at)
			r.started[id] = all[max(0, len(all)-maxRuns):]
		}
		delete(r.died, id)
		delete(r.byHand, id)
	case events.ActionDestroy:
		delete(r.died, id)
		delete(r.byHand, id)
		delete(r.started, id)
	}
}

// restarts counts the starts by the policy in the hour before now.
func (r *runs) restarts(id, policy string, now time.Time) int {
	if policy == "" || policy == "no" {
		return 0
	}
	all := slices.DeleteFunc(r.started[id], func(t time.Time) bool { return now.Sub(t) > time.Hour })
	r.started[id] = all
	return len(all)
}

// events takes the events of the last hour, and all that follow.
func (d *docker) events(ctx context.Context) error {
	since := strconv.FormatInt(d.now().Add(-time.Hour).Unix(), 10)
	err := d.api.Events(ctx, since, "", client.Filters{"type": {"container"}}, func(e *client.Event) error {
		d.alive()
		d.mu.Lock()
		d.runs.take(e.Actor.ID, e.Action, e.Actor.Attributes["signal"], time.Unix(0, e.TimeNano))
		o := d.all[e.Actor.ID]
		if o != nil && changes(e.Action) {
			o.dirty = true
		}
		d.mu.Unlock()
		if o != nil && !changes(e.Action) {
			return nil
		}
		select {
		case d.stale <- struct{}{}:
		default:
		}
		return nil
	})
	if err == nil {
		err = errEnded
	}
	return err
}

// changes tells whether an action changes what an inspection says. Programs of health checks come every few seconds.
func changes(a events.Action) bool {
	for _, word := range []string{"exec_", "top", "attach", "detach", "resize", "archive-path", "extract-to-dir", "copy",
		"export", "commit"} {
		if strings.HasPrefix(string(a), word) {
			return false
		}
	}
	return true
}
