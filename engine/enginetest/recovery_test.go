package enginetest

import (
	"bytes"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/fs/disk"
)

// wreck is a data root whose state is damaged, beside a copy that is older than what is on the disk, with a folder of
// which nothing is known.
type wreck struct {
	driver, dir string
	facts       string // that were acknowledged
	state       []byte // the damaged file
}

const stray = "what nobody knows"

func newWreck(t *testing.T, base, driver string) *wreck {
	t.Helper()
	live := filepath.Join(base, "live")
	w, err := open(t, live, driver, nil)
	if err != nil {
		t.Fatal(err)
	}
	steps := session(t)
	do := func(name string) {
		t.Helper()
		for _, s := range steps {
			if s.name == name {
				if err := s.do(t.Context(), w.e); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	}
	for _, name := range []string{"load", "tag", "volume create", "create"} {
		do(name)
	}
	w.close() // which makes the copy
	if w, err = open(t, live, driver, nil); err != nil {
		t.Fatal(err)
	}
	do("create with an anonymous volume")
	do("pull")
	dir := filepath.Join(base, "wreck")
	copyFolder(t, live, dir)
	k := &wreck{driver: driver, dir: dir, facts: w.facts()}
	w.close()
	at := filepath.Join(dir, "data/containers", strings.Repeat("5", 64))
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "note"), []byte(stray), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "data/box.db")
	if k.state, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	k.state = k.state[:len(k.state)/2]
	if err := os.WriteFile(file, k.state, 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// check opens what was made of the wreck: all that was acknowledged is there, and nothing was deleted.
func (k *wreck) check(t *testing.T, dir, when string) {
	t.Helper()
	os.RemoveAll(filepath.Join(dir, "run"))
	w, err := open(t, dir, k.driver, nil)
	if err != nil {
		t.Errorf("%s: the next start: %v", when, err)
		return
	}
	defer w.close()
	if got := w.facts(); got != k.facts {
		t.Errorf("%s: it is\n%s\nand should be\n%s", when, got, k.facts)
	}
	damaged, strays := 0, 0
	_ = filepath.WalkDir(filepath.Join(dir, "data"), func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
		case strings.HasPrefix(e.Name(), "box.db.damaged-"):
			if raw, _ := os.ReadFile(path); bytes.Equal(raw, k.state) {
				damaged++
			}
		case e.Name() == "note":
			if raw, _ := os.ReadFile(path); string(raw) == stray {
				strays++
			}
		}
		return nil
	})
	if damaged == 0 || strays != 1 {
		t.Errorf("%s: the damaged file is kept %d times, and what nobody knows is there %d times", when, damaged, strays)
	}
}

// TestRecoveryFails fails, once each, every operation by which a damaged state is made again. Whatever failed, the
// next start has all that was acknowledged, and neither the damaged file nor what nobody knows is gone.
func TestRecoveryFails(t *testing.T) { eachDriver(t, recoveryFails) }

func recoveryFails(t *testing.T, driver string) {
	base := home(t)
	k := newWreck(t, base, driver)
	work := filepath.Join(base, "work")
	try := func(b *breaker) {
		defer os.RemoveAll(work)
		copyFolder(t, k.dir, work)
		b.arm(true)
		w, err := open(t, work, driver, &disk.Disk{Around: b.around})
		b.arm(false)
		if err == nil {
			w.close()
		}
		k.check(t, work, b.hit+" fails with "+b.fault.name)
	}
	count := &breaker{}
	try(count)
	for at := 1; at <= count.count; at++ {
		for _, f := range faults {
			try(&breaker{at: at, fault: f})
		}
	}
	t.Logf("%d operations, %d faults", count.count, count.count*len(faults))
}

// TestPowerGoesInRecovery loses the power after every operation by which a damaged state is made again, with any part
// of what was not synced.
func TestPowerGoesInRecovery(t *testing.T) { eachDriver(t, powerGoesInRecovery) }

func powerGoesInRecovery(t *testing.T, driver string) {
	base := home(t)
	k := newWreck(t, base, driver)
	live := filepath.Join(base, "again")
	copyFolder(t, k.dir, live)
	r := &recorder{}
	w, err := open(t, live, driver, &disk.Disk{Around: r.around})
	if err != nil {
		t.Fatal(err)
	}
	ops := r.ops[:r.count()]
	w.close()
	random := rand.New(rand.NewSource(1))
	disks := 0
	for end := range len(ops) + 1 {
		for _, keep := range []float64{0, 1, 0.5, 0.5} {
			disks++
			dir := filepath.Join(base, "replayed")
			copyFolder(t, k.dir, dir)
			redo(ops[:end], live, dir, keep, random)
			k.check(t, dir, "the power goes after "+describe(ops[:end]))
			os.RemoveAll(dir)
		}
	}
	t.Logf("%d operations, %d disks", len(ops), disks)
}
