package filter

import (
	"testing"

	"github.com/moby/moby/api/types/events"
)

// TestEvents: which events the filters of `docker events` let through.
func TestEvents(t *testing.T) {
	container := events.Message{Type: events.ContainerEventType, Action: "exec_start: true", Scope: "local",
		Actor: events.Actor{
			ID: "0123abcd", Attributes: map[string]string{"name": "web", "image": "busybox:1", "l": "1"},
		}}
	image := events.Message{Type: events.ImageEventType, Action: "tag", Scope: "local", Actor: events.Actor{
		ID: "sha256:ffff", Attributes: map[string]string{"name": "busybox:1"},
	}}
	for _, row := range []struct {
		f                Args
		container, image bool
	}{
		{Args{}, true, true},
		{Args{"event": {"tag"}}, false, true},
		{Args{"event": {"exec_start"}}, true, false},
		{Args{"event": {"exec_start: true"}}, true, false},
		{Args{"event": {"exec"}}, false, false},
		{Args{"event": {"die", "tag"}}, false, true},
		{Args{"type": {"container"}}, true, false},
		{Args{"scope": {"swarm"}}, false, false},
		{Args{"container": {"web"}}, true, false},
		{Args{"container": {"w"}}, true, false},
		{Args{"container": {"0123"}}, true, false},
		{Args{"container": {"123"}}, false, false},
		{Args{"image": {"busybox"}}, true, true},
		{Args{"image": {"busybox:1"}}, true, true},
		{Args{"image": {"busy"}}, false, false},
		{Args{"image": {"sha256"}}, false, true},
		{Args{"label": {"l"}}, true, false},
		{Args{"label": {"l=2"}}, false, false},
		{Args{"label!": {"l"}}, true, true},
		{Args{"odd": {"x"}}, true, true},
		{Args{"volume": {"web"}}, false, false},
	} {
		fits := Events(row.f)
		if fits(container) != row.container || fits(image) != row.image {
			t.Errorf("%v: %v %v", row.f, fits(container), fits(image))
		}
	}
}
