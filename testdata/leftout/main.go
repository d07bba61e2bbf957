// Command leftout reads what `go test -json` wrote: it says which tests were left out and why, and how many ran. It
// fails for a test that was left out for a reason that is in none of the lines of a file, which are regular
// expressions of whole lines "PACKAGE TEST: REASON".
//
//	leftout EVENTS [ALLOWED]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	strange, err := check(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "leftout:", err)
	}
	if err != nil || strange {
		os.Exit(1)
	}
}

func check(args []string) (strange bool, err error) {
	if len(args) < 1 || len(args) > 2 {
		return false, errors.New("usage: leftout EVENTS [ALLOWED]")
	}
	var allowed *regexp.Regexp
	if len(args) == 2 {
		if allowed, err = reasons(args[1]); err != nil {
			return false, err
		}
	}
	f, err := os.Open(args[0])
	if err != nil {
		return false, err
	}
	defer f.Close()
	counts := map[string]int{}
	said := map[string]string{}
	for events := json.NewDecoder(f); ; {
		var e struct{ Action, Package, Test, Output string }
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false, err
		}
		if e.Test == "" {
			continue
		}
		test := e.Package + " " + e.Test
		counts[e.Action]++
		switch e.Action {
		case "output":
			said[test] += e.Output
		case "skip":
			line := test + ": " + reason(said[test])
			fmt.Println("left out:", line)
			if allowed != nil && !allowed.MatchString(line) {
				strange = true
				fmt.Println("NOT ALLOWED to be left out:", line)
			}
			fallthrough
		case "pass", "fail":
			delete(said, test)
		}
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", counts["pass"], counts["fail"], counts["skip"])
	return strange, nil
}

// reasons is one expression for all lines of a file.
func reasons(path string) (*regexp.Regexp, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := lines.Text(); line != "" && line[0] != '#' {
			all = append(all, "(?:"+line+")")
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + strings.Join(all, "|") + ")$")
}

var skipped = regexp.MustCompile(`\.go:[0-9]+: (.*)`)

// reason is what a test said when it was left out.
func reason(output string) string {
	if m := skipped.FindStringSubmatch(output); m != nil {
		return m[1]
	}
	return "no reason given"
}
