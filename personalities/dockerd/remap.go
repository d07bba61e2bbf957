package dockerd

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"box/engine"
	"box/fs"
	"box/personalities/dockerd/config"
	"box/personalities/outfile"
)

// remapUser is the user of --userns-remap=default. Only its ranges of IDs are needed, not an account.
const remapUser = "dockremap"

// Range of IDs for remapUser if it has none: it starts at firstSubID or after the ranges of others.
const (
	firstSubID = 100000
	subIDs     = 65536
)

// accounts are the files with users, groups and their subordinate IDs (subuid(5)).
type accounts struct{ passwd, group, subuid, subgid string }

// hostAccounts are the files of the host.
var hostAccounts = accounts{"/etc/passwd", "/etc/group", "/etc/subuid", "/etc/subgid"}

// remap returns the ID maps for --userns-remap. Files of such a daemon have other owners, so its data root becomes the
// folder UID.GID below the configured one.
func remap(o *config.Options, log *slog.Logger) (fs.IDMaps, error) {
	if o.UsernsRemap == "" {
		return fs.IDMaps{}, nil
	}
	name, err := hostAccounts.find(o.UsernsRemap)
	if err != nil {
		return fs.IDMaps{}, err
	}
	if name == "root" {
		log.Warn("user namespaces: root cannot be remapped to itself; user namespaces are disabled")
		return fs.IDMaps{}, nil
	}
	ids, err := hostAccounts.ranges(name)
	if err != nil {
		return ids, fmt.Errorf("can't create ID mappings: %w", err)
	}
	log.Info("user namespaces: IDs are mapped to the subordinate IDs of a user", "user", name)
	return ids, ownRoot(o, ids)
}

// ownRoot creates that folder and makes it the data root.
func ownRoot(o *config.Options, ids fs.IDMaps) error {
	if err := engine.CheckRoot(o.DataRoot); err != nil {
		return err
	}
	if err := os.MkdirAll(o.DataRoot, 0o711); err != nil {
		return fmt.Errorf("data root: %w", err)
	}
	for dir := o.DataRoot; dir != "/"; dir = filepath.Dir(dir) {
		st, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("data root: %w", err)
		}
		if st.Mode()&0o001 == 0 {
			return fmt.Errorf("a subdirectory in your graphroot path (%s) restricts access to the remapped root uid/gid; "+
				"please fix by allowing 'o+x' permissions on existing directories", o.DataRoot)
		}
	}
	uid, gid := ids.Root()
	o.DataRoot = filepath.Join(o.DataRoot, fmt.Sprintf("%d.%d", uid, gid))
	if err := os.Mkdir(o.DataRoot, 0o710); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("data root: %w", err)
	}
	return os.Chown(o.DataRoot, 0, gid)
}

// find parses user, user:group, uid, uid:gid or default, and returns the name of the user. The group has to exist but
// is not used, as in Docker.
func (a accounts) find(value string) (name string, err error) {
	who, group, both := strings.Cut(value, ":")
	if strings.Contains(group, ":") || who == "" || both && group == "" {
		return "", fmt.Errorf("invalid user/group specification in --userns-remap: %q", value)
	}
	if who == "default" {
		return remapUser, a.makeRanges()
	}
	name, err = a.user(who)
	if err != nil {
		return "", err
	}
	if !both {
		group = who
	}
	return name, a.hasGroup(group)
}

func (a accounts) user(who string) (string, error) {
	uid, notNumber := strconv.ParseInt(who, 10, 32)
	found, err := user.ParsePasswdFileFilter(a.passwd, func(u user.User) bool {
		return u.Name == who || notNumber == nil && int64(u.Uid) == uid
	})
	if err == nil && len(found) == 0 {
		err = user.ErrNoPasswdEntries
	}
	switch {
	case err == nil:
		return found[0].Name, nil
	case notNumber == nil:
		return "", fmt.Errorf("uid %d has no entry in /etc/passwd: %w", uid, err)
	}
	return "", fmt.Errorf("error during uid lookup for %q: %w", who, err)
}

func (a accounts) hasGroup(name string) error {
	gid, notNumber := strconv.ParseInt(name, 10, 32)
	found, err := user.ParseGroupFileFilter(a.group, func(g user.Group) bool {
		return g.Name == name || notNumber == nil && int64(g.Gid) == gid
	})
	if err == nil && len(found) == 0 {
		err = user.ErrNoGroupEntries
	}
	switch {
	case err == nil:
		return nil
	case notNumber == nil:
		return fmt.Errorf("gid %d has no entry in /etc/group: %w", gid, err)
	}
	return fmt.Errorf("error during gid lookup for %q: %w", name, err)
}

// ranges returns the subordinate IDs of a user. The first one is root in containers.
func (a accounts) ranges(name string) (ids fs.IDMaps, err error) {
	number := ""
	if found, err := user.ParsePasswdFileFilter(a.passwd, func(u user.User) bool { return u.Name == name }); err == nil &&
		len(found) > 0 {
		number = strconv.Itoa(found[0].Uid)
	}
	if ids.UIDs, err = readRanges(a.subuid, name, number); err == nil {
		ids.GIDs, err = readRanges(a.subgid, name, number)
	}
	return ids, err
}

// Limits of the kernel for one map, user_namespaces(7).
const (
	maxRanges = 340
	lastID    = 1<<32 - 2
)

func readRanges(path, name, number string) (list []fs.IDMap, err error) {
	found, err := user.ParseSubIDFileFilter(path,
		func(s user.SubID) bool { return s.Name == name || number != "" && s.Name == number })
	if err != nil {
		return nil, err
	}
	next := 0
	for _, s := range found {
		if s.SubID <= 0 || s.Count <= 0 || s.SubID > lastID || s.Count > lastID-s.SubID ||
			s.Count > lastID-int64(next) {
			return nil, fmt.Errorf("%s: %s has an invalid range of %d IDs from %d", path, name, s.Count,
				s.SubID)
		}
		list = append(list, fs.IDMap{Container: next, Host: int(s.SubID), Size: int(s.Count)})
		next += int(s.Count)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no ranges found for user %q in %s", name, path)
	}
	if len(list) > maxRanges {
		return nil, fmt.Errorf("%s: %d ranges of %s are more than the %d that the kernel supports", path, len(list), name,
			maxRanges)
	}
	return list, nil
}

// makeRanges adds a range for remapUser to both files unless there is one.
func (a accounts) makeRanges() error {
	for _, path := range []string{a.subuid, a.subgid} {
		if err := makeRange(path); err != nil {
			return fmt.Errorf("error during %q user creation: %w: add a line %s:%d:%d to %s", remapUser, err, remapUser,
				firstSubID, subIDs, path)
		}
	}
	return nil
}

func makeRange(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	all, err := user.ParseSubID(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	next := int64(firstSubID)
	for _, s := range all {
		if s.Name == remapUser {
			return nil
		}
		next = max(next, s.SubID+s.Count)
	}
	text := string(raw)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += fmt.Sprintf("%s:%d:%d\n", remapUser, next, subIDs)
	return outfile.Replace(path, []byte(text), 0o644)
}
