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

// notifier tells the service manager how the daemon does (sd_notify(3)); without one it does nothing.
type notifier struct {
	socket   string        // "" for none
	watchdog time.Duration // how long the manager waits for a sign of life, 0 for ever
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

// say sends one message; a manager that is not there misses it.
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

// ready says that the API answers, and from then on that the daemon lives, as long as alive returns, until the
// function that it returns is called, which says that the daemon ends.
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

// beat says twice in the time that the manager waits that the daemon lives.
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
