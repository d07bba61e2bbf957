package volume

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"box/engine/refuse"
	"box/fs/mount"
)

// Mount makes a volume ready for a user and returns its path. It may be called again for the same user.
func (s *Store) Mount(name, user string) (path string, err error) {
	v, err := s.busy(name)
	if err != nil {
		return "", err
	}
	defer v.op.Unlock()
	s.mu.Lock()
	first := len(v.users) == 0
	s.mu.Unlock()
	if v.mounted() && first {
		if err := s.mount(&v.Volume); err != nil {
			return "", fmt.Errorf("error while mounting volume '%s': failed to mount local volume: %w", s.Path(name), err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.use(v, user)
	return s.Path(name), nil
}

// busy finds a volume and locks its op.
func (s *Store) busy(name string) (*entry, error) {
	s.mu.Lock()
	v := s.volumes[name]
	s.mu.Unlock()
	if v == nil {
		return nil, refuse.NotFound("get %s: no such volume", name)
	}
	v.op.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.volumes[name] != v || v.removing != nil {
		v.op.Unlock()
		return nil, refuse.NotFound("get %s: no such volume", name)
	}
	return v, nil
}

// Unmount ends the use by a user, and tells whether there was one. After the last one it unmounts what was mounted.
func (s *Store) Unmount(name, user string) (used bool, err error) {
	v, err := s.busy(name)
	if err != nil {
		return false, err
	}
	defer v.op.Unlock()
	s.mu.Lock()
	_, used = v.users[user]
	delete(v.users, user)
	last := used && len(v.users) == 0
	if used {
		s.counts.End(name)
	}
	s.mu.Unlock()
	if !v.mounted() || !last {
		return used, nil
	}
	return used, mount.Unmount(s.Path(name))
}

// Restore adds a user from before the daemon was started, for whom the volume is mounted already.
func (s *Store) Restore(name, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.volumes[name]; v != nil {
		s.use(v, user)
	}
}

// use adds a user, who may write. The store's lock is held.
func (s *Store) use(v *entry, user string) {
	if _, ok := v.users[user]; !ok {
		v.users[user] = struct{}{}
		s.counts.Begin(v.Name)
	}
}

// Settle unmounts volumes without users, after all users have been restored.
func (s *Store) Settle() error {
	var all error
	for _, v := range s.List() {
		s.mu.Lock()
		e := s.volumes[v.Name]
		unused := e != nil && len(e.users) == 0
		s.mu.Unlock()
		if !unused || !v.mounted() {
			continue
		}
		if there, err := mount.Mounted(s.Path(v.Name)); err != nil || !there {
			all = errors.Join(all, err)
			continue
		}
		all = errors.Join(all, mount.Unmount(s.Path(v.Name)))
	}
	return all
}

// mount makes the mount that the options of v describe, unless it exists.
func (s *Store) mount(v *Volume) error {
	if there, err := mount.Mounted(s.Path(v.Name)); err != nil || there {
		return err
	}
	m, err := mountOf(v, s.Path(v.Name), func(host string) (string, error) {
		addr, err := net.ResolveIPAddr("ip", host)
		if err != nil {
			return "", err
		}
		return addr.String(), nil
	})
	if err != nil {
		return err
	}
	err = mount.All([]mount.Mount{m})
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errors.New("mount " + password.ReplaceAllString(m.String(), "${1}********") + ": " + errno.Error())
	}
	return err
}

// password matches what must not appear in messages.
var password = regexp.MustCompile(`(password=)[^,]*`)

// mountOf returns the mount of a volume. The kernel needs the address of a file server as a number.
func mountOf(v *Volume, target string, resolve func(host string) (string, error)) (mount.Mount, error) {
	m := mount.Mount{Type: v.Options["type"], Source: v.Options["device"], Target: target}
	for _, o := range strings.Split(v.Options["o"], ",") {
		host, isAddress := strings.CutPrefix(o, "addr=")
		if isAddress && (m.Type == "nfs" || m.Type == "nfs4" || m.Type == "cifs") && net.ParseIP(host) == nil {
			addr, err := resolve(host)
			if err != nil {
				return m, fmt.Errorf("error resolving passed in network volume address: %w", err)
			}
			o = "addr=" + addr
		}
		if o != "" {
			m.Options = append(m.Options, o)
		}
	}
	return m, nil
}
