// Command bench-drivers measures box under each storage driver that works on this machine, and beside it, in the same
// run, a dockerd under the drivers that both have. Each driver has a file system of its own in a file, with the same
// content on both sides. It prints a table, and draws a chart into a file. It must be started as root in network and
// mount namespaces of its own.
//
//	bench-drivers BOX SVG [DRIVER...]
package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// drivers are what is measured, with the file system that each is on, and whether the other daemon has it too.
var drivers = []struct {
	name, files string
	peer        bool
}{
	{"overlay2", "ext4", true}, {"overlay", "ext4", false}, {"btrfs", "btrfs", true}, {"vfs", "ext4", true},
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: bench-drivers BOX SVG [DRIVER...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-drivers:", err)
		os.Exit(1)
	}
}

func run(box, svg string, only []string) error {
	dir, err := os.MkdirTemp("", "box-bench-drivers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	images, err := makeImages(dir)
	if err != nil {
		return err
	}
	_, err = exec.LookPath("dockerd")
	peers := err == nil
	var table []result
	for _, d := range drivers {
		if len(only) > 0 && !slices.Contains(only, d.name) {
			continue
		}
		programs := []string{box}
		if d.peer && peers {
			programs = append(programs, "dockerd")
		}
		rows, err := measure(dir, d.name, d.files, programs, images)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		for _, r := range rows {
			fmt.Println(r)
		}
		table = append(table, rows...)
	}
	return os.WriteFile(svg, chart(table), 0o644)
}

// result is one row: how long each side takes at the median; a second side is not always there.
type result struct {
	driver, what string
	took         []time.Duration
}

// String is a line of the table.
func (r result) String() string {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	line := fmt.Sprintf("%-10s %-34s box %9.1f ms", r.driver, r.what, ms(r.took[0]))
	if len(r.took) > 1 {
		line += fmt.Sprintf("  docker %9.1f ms  ratio %.2f", ms(r.took[1]), ms(r.took[0])/ms(r.took[1]))
	}
	return line
}

// measure measures one driver on every side.
func measure(dir, driver, files string, programs []string, images images) ([]result, error) {
	var sides []*daemon
	defer func() {
		for _, d := range sides {
			d.stop()
		}
	}()
	for _, p := range programs {
		d, err := start(filepath.Join(dir, filepath.Base(p)), p, programs[0], driver, files)
		if d != nil {
			sides = append(sides, d)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, d := range sides {
		if _, err := d.docker("load", "-qi", images.big); err != nil {
			return nil, err
		}
	}
	var rows []result
	for _, s := range steps(images) {
		took := make([][]time.Duration, len(sides))
		for range s.runs {
			for n, d := range sides {
				t, err := s.time(d)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", d.program, s.what, err)
				}
				took[n] = append(took[n], t)
			}
		}
		r := result{driver: driver, what: s.what}
		for _, list := range took {
			slices.Sort(list)
			r.took = append(r.took, list[len(list)/2])
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// step is something to measure: what is done before and after is not counted. In a command, NAME is that of a container.
type step struct {
	what                  string
	runs                  int
	before, timed, behind [][]string
}

func steps(i images) []step {
	create := []string{"create", "--name", "NAME", "big", "sleep", "100000"}
	start, rm := []string{"start", "NAME"}, []string{"rm", "-f", "NAME"}
	write := []string{"exec", "NAME", "sh", "-c", "echo changed | dd of=/big conv=notrunc 2>/dev/null"}
	return []step{
		{"load an image, 500 MB, 6 layers", 3, nil, [][]string{{"load", "-qi", i.layers}}, [][]string{{"rmi", "layers"}}},
		{"create a container", 9, nil, [][]string{create}, [][]string{rm}},
		{"remove a container", 9, [][]string{create}, [][]string{rm}, nil},
		{"first write to a file of 500 MB", 5, [][]string{create, start}, [][]string{write}, [][]string{rm}},
		{"second write to it", 5, [][]string{create, start, write}, [][]string{write}, [][]string{rm}},
		{"diff", 5, [][]string{create, start, write}, [][]string{{"diff", "NAME"}}, [][]string{rm}},
		{"commit", 3, [][]string{create, start, write}, [][]string{{"commit", "NAME", "committed"}},
			[][]string{rm, {"rmi", "committed"}}},
	}
}

// time does the step once.
func (s *step) time(d *daemon) (took time.Duration, err error) {
	do := func(list [][]string) {
		for _, args := range list {
			args = slices.Clone(args)
			if at := slices.Index(args, "NAME"); at >= 0 {
				args[at] = "measured"
			}
			if _, errDo := d.docker(args...); errDo != nil {
				err = cmp.Or(err, fmt.Errorf("%s: %w", strings.Join(args, " "), errDo))
			}
		}
	}
	do(s.before)
	began := time.Now()
	do(s.timed)
	took = time.Since(began)
	do(s.behind)
	return took, err
}
