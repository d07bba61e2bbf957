package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// heldPort is a published port's descriptor on its way to the holder.
type heldPort struct {
	file    *os.File
	forward netip.AddrPort // where the holder has to forward traffic to, zero if a rule does
}

// perHold is how many descriptors go to the holder in one call. A message over a Unix socket carries 253
// (SCM_MAX_FD).
const perHold = 200

// Keys of an endpoint's descriptors with the holder. Reservations and forwarded sockets are in separate batches.
func reservedKey(endpoint string, batch int) string { return fmt.Sprintf("%s.%d", endpoint, batch) }
func forwardKey(endpoint string, batch int) string {
	return fmt.Sprintf("%s.forward.%d", endpoint, batch)
}

// hold hands an endpoint's descriptors over and closes its own copies.
func (l *Linux) hold(ctx context.Context, e *Endpoint, held []heldPort) (err error) {
	defer closeHeld(held)
	var reserved, forwarded []heldPort
	for _, h := range held {
		if h.forward.IsValid() {
			forwarded = append(forwarded, h)
		} else {
			reserved = append(reserved, h)
		}
	}
	defer func() {
		if err != nil {
			l.unhold(context.WithoutCancel(ctx), e)
		}
	}()
	for batch, list := range slices.Collect(slices.Chunk(reserved, perHold)) {
		if err := l.handOver(ctx, reservedKey(e.ID, batch), list); err != nil {
			return err
		}
	}
	for batch, list := range slices.Collect(slices.Chunk(forwarded, perHold)) {
		if err := l.handOver(ctx, forwardKey(e.ID, batch), list); err != nil {
			return err
		}
	}
	return nil
}

func (l *Linux) handOver(ctx context.Context, key string, list []heldPort) error {
	var files []*os.File
	var forward []netip.AddrPort
	for _, h := range list {
		files = append(files, h.file)
		if h.forward.IsValid() {
			forward = append(forward, h.forward)
		}
	}
	if err := l.holder.Hold(ctx, key, files, forward); err != nil {
		return fmt.Errorf("handing over published ports: %w", err)
	}
	return nil
}

// unhold makes the holder close an endpoint's descriptors.
func (l *Linux) unhold(ctx context.Context, e *Endpoint) error {
	reserved, forwarded := 0, 0
	for _, p := range e.Ports {
		if l.forwarded(p.HostIP) {
			forwarded++
		} else {
			reserved++
		}
	}
	var err error
	for batch := 0; batch*perHold < reserved; batch++ {
		err = errors.Join(err, l.holder.Drop(ctx, reservedKey(e.ID, batch)))
	}
	for batch := 0; batch*perHold < forwarded; batch++ {
		err = errors.Join(err, l.holder.Drop(ctx, forwardKey(e.ID, batch)))
	}
	return err
}

// forwarded tells whether a port published on that address needs a process, as no rule can forward it.
func (l *Linux) forwarded(hostIP netip.Addr) bool {
	return hostIP.Is6() || l.firewall.Missing()
}

func closeHeld(held []heldPort) {
	for _, h := range held {
		h.file.Close()
	}
}

// ownHolder keeps descriptors in this process and forwards nothing.
type ownHolder struct {
	mu    sync.Mutex
	files map[string][]int
}

func (o *ownHolder) Hold(_ context.Context, key string, files []*os.File, _ []netip.AddrPort) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("keeping %s: %w", f.Name(), err)
		}
		o.files[key] = append(o.files[key], fd)
	}
	return nil
}

func (o *ownHolder) Drop(_ context.Context, key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, fd := range o.files[key] {
		unix.Close(fd)
	}
	delete(o.files, key)
	return nil
}
