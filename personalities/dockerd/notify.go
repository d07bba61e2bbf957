package dockerd

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// notifier reports the state of the daemon to the service manager (sd_notify(3)), if there is one.
type notifier struct {
	socket   string        // "" if there is none
	watchdog time.Duration // interval in which the manager expects a message; 0: it does not
}

func newNotifier(getenv func(string) string) *notifier {
	n := &notifier{socket: getenv("NOTIFY_SOCKET")}
	if strings.HasPrefix(n.socket, "@") {
		n.socket = "\x00" + n.socket[1:]
	}
	pid, err := strconv.Atoi(getenv("WATCHDOG_PID"))
	if us, bad := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); bad == nil && us > 0 &&
		(err != nil || pid == os.Getpid()) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// say sends a message. Errors are ignored.
func (n *notifier) say(text string) {
	if n.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(text))
}

// ready reports that the daemon is ready, and then sends watchdog messages as long as alive returns. The returned
// function reports that the daemon stops.
func (n *notifier) ready(alive func()) (stop func()) {
	n.say("READY=1\nMAINPID=" + strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(context.Background())
	var beat sync.WaitGroup
	if n.watchdog > 0 && n.socket != "" {
		beat.Go(func() { n.beat(ctx, alive) })
	}
	return func() {
		cancel()
		beat.Wait()
		n.say("STOPPING=1")
	}
}

// beat sends a message twice in each interval.
func (n *notifier) beat(ctx context.Context, alive func()) {
	tick := time.NewTicker(n.watchdog / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			alive()
			n.say("WATCHDOG=1")
		}
	}
}
