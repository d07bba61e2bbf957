package keeper

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// held are the descriptors kept under one key. They are plain numbers: an os.File takes half a kilobyte with its
// share of the poller, which ten thousand published ports that nobody reads from would waste.
type held struct {
	descriptors []int
	forward     []netip.AddrPort
	forwarders  map[int]forwarder // by index in descriptors, for those that no rule forwards
}

// hold keeps the descriptors that came with a request and forwards those that have an address.
func (k *Keeper) hold(q *task.Request, files []*os.File) (task.Reply, error) {
	h := &held{}
	for _, s := range q.Forward {
		a, _ := netip.ParseAddrPort(s) // "invalid AddrPort" marks a port that rules forward
		h.forward = append(h.forward, a)
	}
	if len(h.forward) > 0 && len(h.forward) != len(files) {
		task.CloseAll(files)
		return task.Reply{}, fmt.Errorf("%d addresses to forward %d sockets to: %w", len(h.forward), len(files), errInvalid)
	}
	if err := h.take(files); err != nil {
		h.close()
		return task.Reply{}, err
	}
	if err := h.start(nil); err != nil {
		h.close()
		return task.Reply{}, err
	}
	k.drop(q.ID)
	k.mu.Lock()
	k.held[q.ID] = h
	k.mu.Unlock()
	return task.Reply{}, nil
}

func (k *Keeper) drop(key string) {
	k.mu.Lock()
	h := k.held[key]
	delete(k.held, key)
	k.mu.Unlock()
	if h == nil {
		return
	}
	h.close()
}

// take duplicates the descriptors of files, keeps the duplicates and closes files.
func (h *held) take(files []*os.File) error {
	defer task.CloseAll(files)
	h.descriptors = make([]int, 0, len(files))
	for _, f := range files {
		fd, err := number(f)
		if err == nil {
			fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		}
		if err != nil {
			return fmt.Errorf("keep a descriptor: %w", err)
		}
		h.descriptors = append(h.descriptors, fd)
	}
	return nil
}

// start forwards the sockets that have an address and continues the relays of an earlier executable.
func (h *held) start(relays []savedRelay) error {
	for i, to := range h.forward {
		if !to.IsValid() {
			continue
		}
		var open []*relay
		for _, sr := range relays {
			if sr.Socket != i {
				continue
			}
			if r := restoreRelay(sr); r != nil {
				open = append(open, r)
			}
		}
		f, err := forwardNumber(h.descriptors[i], to, open)
		if err != nil {
			return fmt.Errorf("forward a port to %s: %w", to, err)
		}
		if h.forwarders == nil {
			h.forwarders = map[int]forwarder{}
		}
		h.forwarders[i] = f
	}
	return nil
}

// forwardNumber forwards through a duplicate of fd, which stays the caller's.
func forwardNumber(fd int, to netip.AddrPort, relays []*relay) (forwarder, error) {
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(duplicate), "held")
	defer f.Close()
	return forward(f, to, relays...)
}

func (h *held) close() {
	for _, f := range h.forwarders {
		f.stop()
	}
	for _, fd := range h.descriptors {
		unix.Close(fd)
	}
}
