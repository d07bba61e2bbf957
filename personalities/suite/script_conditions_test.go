package suite

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestConditions says which lines of scripts are left out here. A line with a condition that does not hold is passed
// over in silence else.
func TestConditions(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts: ", err)
	}
	if astray, _ := filepath.Glob("testdata/script/*.txtar"); len(astray) > 0 {
		t.Errorf("nothing runs %s: scripts are in the folders of their subjects", astray)
	}
	condition := regexp.MustCompile(`(?m)^\[!?([a-z][^\]!]*)\]`)
	uses := map[string][]string{}
	for _, path := range scripts {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines, _, _ := strings.Cut("\n"+string(raw), "\n-- ")
		for _, m := range condition.FindAllStringSubmatch(lines, -1) {
			if name := strings.TrimSuffix(filepath.Base(path), ".txtar"); !slices.Contains(uses[m[1]], name) {
				uses[m[1]] = append(uses[m[1]], name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		t.Run(name, func(t *testing.T) {
			holds, err := scriptCondition(name)
			if program, ok := strings.CutPrefix(name, "exec:"); ok {
				_, missing := exec.LookPath(program)
				holds, err = missing == nil, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			if !holds {
				t.Skipf("%s is not here: lines of %s", name, strings.Join(uses[name], ", "))
			}
		})
	}
}

// scriptCondition tells whether a condition of ours holds.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "docker-cli":
		return dockerCLI() != "", nil
	case "docker-cli:28": // the one of Debian 12 is of 2020
		said, err := exec.Command("docker", "--version").Output()
		return err == nil && strings.HasPrefix(string(said), "Docker version ") && string(said) >= "Docker version 28.", nil
	case "python-docker":
		return exec.Command("/usr/bin/python3", "-c", "import docker").Run() == nil, nil
	case "peer":
		return hasPeer(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
