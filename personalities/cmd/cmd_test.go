package cmd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDockerVersion holds the version against the rules by which programs read and compare Docker's. Each is written
// down as the program has it.
func TestDockerVersion(t *testing.T) {
	readers := map[string]func(string) (major int, err error){
		"cAdvisor":             threeNumbersOnce,
		"semver":               semver,
		"Python LooseVersion":  loose,
		"hashicorp/go-version": goVersion,
		"shell: cut -d. -f1":   func(v string) (int, error) { return strconv.Atoi(strings.Split(v, ".")[0]) },
		"two numbers before a dot or a sign": func(v string) (int, error) {
			m := regexp.MustCompile(`^(\d+)\.(\d+)`).FindStringSubmatch(v)
			if m == nil {
				return 0, fmt.Errorf("no numbers in %q", v)
			}
			return strconv.Atoi(m[1])
		},
	}
	for name, read := range readers {
		if major, err := read(DockerVersion()); err != nil || major < 18 {
			t.Errorf("%s reads %q as %d: %v", name, DockerVersion(), major, err)
		}
		if _, err := read("no version"); err == nil {
			t.Errorf("%s reads anything", name)
		}
	}
	if !strings.HasPrefix(DockerVersion(), dockerRelease+"+") ||
		!strings.HasSuffix(DockerVersion(), strings.ReplaceAll(Version, ".", "-")) {
		t.Errorf("%q is not Docker's release with box's version behind it", DockerVersion())
	}
	if _, err := threeNumbersOnce(dockerRelease + "+box." + Version); err == nil {
		t.Error("cAdvisor's rule takes two versions in one")
	}
}

// threeNumbersOnce: three numbers with dots between them must occur once in the whole.
func threeNumbersOnce(v string) (int, error) {
	m := regexp.MustCompile(`(\d+)\.(\d+)\.(\d+)`).FindAllStringSubmatch(v, -1)
	if len(m) != 1 {
		return 0, fmt.Errorf("%d versions in %q", len(m), v)
	}
	return strconv.Atoi(m[0][1])
}

// semver: version 2.0.0 of semver.org, in the expression that the page gives, without pre-releases, which sort below
// a release.
func semver(v string) (int, error) {
	m := regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`).FindStringSubmatch(v)
	if m == nil {
		return 0, fmt.Errorf("%q is no semver", v)
	}
	return strconv.Atoi(m[1])
}

// loose: numbers and runs of letters; where two versions are compared, the parts before the first that differs must
// be of one sort, so the first three have to be numbers.
func loose(v string) (int, error) {
	parts := regexp.MustCompile(`\d+|[a-z]+|\.`).FindAllString(v, -1)
	var numbers []int
	for _, p := range parts {
		if p == "." {
			continue
		}
		n, err := strconv.Atoi(p)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 3 {
		return 0, fmt.Errorf("%q begins with %v", v, numbers)
	}
	return numbers[0], nil
}

// goVersion: any number of numbers, then a pre-release after - and metadata after +, of letters, digits, - and ~ with
// dots between.
func goVersion(v string) (int, error) {
	m := regexp.MustCompile(`^v?([0-9]+)(?:\.[0-9]+)*?(?:-[0-9A-Za-z\-~.]+)?(?:\+[0-9A-Za-z\-~]+(?:\.[0-9A-Za-z\-~]+)*)?$`).FindStringSubmatch(v)
	if m == nil {
		return 0, fmt.Errorf("malformed version: %s", v)
	}
	return strconv.Atoi(m[1])
}
