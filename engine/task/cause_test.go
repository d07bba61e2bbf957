package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// all lists the causes of an error.
func all(err error) (list []Cause) {
	for _, o := range origins {
		if errors.Is(err, o.cause) {
			list = append(list, o.cause)
		}
	}
	return list
}

// oldReply is Reply before causes were added.
type oldReply struct {
	Version int
	Error   string `json:",omitempty"`
	Class   string `json:",omitempty"`
}

// TestCauses checks that the daemon gets the keeper's causes and text, that a text that merely resembles a cause is
// none, and that an old daemon gets the texts that it looks for.
func TestCauses(t *testing.T) {
	const start = "unable to start container process: error during container init: "
	for _, row := range []struct {
		err    error
		causes []Cause
		old    string // the text for an old daemon, "" for the same
	}{
		{errors.New("the keeper is tired"), nil, ""},
		{Because(errors.New("no journal"), LogRefused), []Cause{LogRefused},
			"failed to initialize logging driver: no journal"},
		{Because(errors.New("bad sysctl"), SpecRefused), []Cause{SpecRefused}, "container refused: bad sysctl"},
		{Because(fmt.Errorf("cgroup: %w", unix.ENOENT), SpecRefused, Missing), []Cause{SpecRefused, Missing},
			"container refused: cgroup: no such file or directory"},
		{Because(errors.New(start+`exec: "x": executable file not found in $PATH`), NotStarted, NotInPath),
			[]Cause{NotStarted, NotInPath}, ""},
		{Because(errors.New(start+`exec: "/bin": is a directory`), NotStarted, IsDirectory), []Cause{NotStarted,
			IsDirectory}, ""},
		{Because(errors.New(start+`exec: "executable file not found": permission denied`), NotStarted, NoPermission),
			[]Cause{NotStarted, NoPermission}, ""},
		{errors.New("container refused: by nobody, no such file or directory"), nil, ""},
		{fmt.Errorf("around: %w", Because(errors.New("x"), NotStarted, NotDirectory)), []Cause{NotStarted, NotDirectory}, ""},
		{errors.Join(Because(errors.New("x"), NotStarted, Missing), errors.New("and not deleted")),
			[]Cause{NotStarted, Missing}, ""},
	} {
		reply := Fail(row.err)
		got := overTheWire(t, reply).Err()
		if got.Error() != row.err.Error() || !slices.Equal(all(got), row.causes) {
			t.Errorf("%v %v became %v %v", row.err, row.causes, got, all(got))
		}
		raw, err := json.Marshal(reply)
		var old oldReply
		if err = errors.Join(err, json.Unmarshal(raw, &old)); err != nil {
			t.Fatal(err)
		}
		want := row.old
		if want == "" {
			want = row.err.Error()
		}
		if old.Error != want {
			t.Errorf("a daemon of before reads %q, want %q", old.Error, want)
		}
	}
}

// TestCausesOfBefore checks that the causes of an old keeper are read from its exact texts.
func TestCausesOfBefore(t *testing.T) {
	const start = "unable to start container process: "
	for said, row := range map[string]struct {
		causes []Cause
		text   string // "" for the same
	}{
		"failed to initialize logging driver: no journal": {[]Cause{LogRefused},
			"no journal"},
		"container refused: bad sysctl": {[]Cause{SpecRefused},
			"bad sysctl"},
		"container refused: cgroup: no such file or directory": {[]Cause{SpecRefused,
			Missing}, "cgroup: no such file or directory"},
		start + `exec: "x": executable file not found in $PATH`: {[]Cause{NotStarted,
			NotInPath}, ""},
		start + `exec: "/x": stat /x: no such file or directory`: {[]Cause{NotStarted,
			Missing}, ""},
		start + `error mounting "/a" to rootfs at "/b": not a directory`: {[]Cause{NotStarted,
			NotDirectory}, ""},
		start + `exec: "/x": permission denied`: {[]Cause{NotStarted,
			NoPermission}, ""},
		start + `exec: "/x": is a directory`: {[]Cause{NotStarted,
			IsDirectory}, ""},
		start + "the kernel is on fire": {[]Cause{NotStarted}, ""},
		`chdir to cwd ("/none") set in config.json failed: ` + "no such file or directory": {[]Cause{Missing}, ""},
		"in the middle: container refused: x":                                              {nil, ""},
		"the keeper is tired":                                                              {nil, ""},
	} {
		raw, err := json.Marshal(oldReply{Version: ProtocolVersion, Error: said, Class: "invalid argument"})
		var r Reply
		if err = errors.Join(err, json.Unmarshal(raw, &r)); err != nil {
			t.Fatal(err)
		}
		want := row.text
		if want == "" {
			want = said
		}
		if got := r.Err(); got.Error() != want || !slices.Equal(all(got), row.causes) || !errdefs.IsInvalidArgument(got) {
			t.Errorf("%q became %q with %v, want %v", said, got, all(got), row.causes)
		}
	}
}

// TestCausesToCome checks that a newer keeper's unknown causes are ignored and known ones are kept.
func TestCausesToCome(t *testing.T) {
	var r Reply
	raw := `{"Version":1,"Error":"x: no such file or directory","Class":"new",` +
		`"Causes":["new","start"],"More":1}`
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		t.Fatal(err)
	}
	if got := r.Err(); got.Error() != "x: no such file or directory" || !slices.Equal(all(got), []Cause{NotStarted}) {
		t.Errorf("%v with %v", got, all(got))
	}
	if Because(nil, Missing) != nil {
		t.Error("a cause of no error is one")
	}
}
