package pid1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"box/personalities/cmd"
)

// TestMain runs the package's own command when a test starts this binary as docker-init.
func TestMain(m *testing.M) {
	if os.Getenv("PID1_TEST") == "" {
		os.Exit(m.Run())
	}
	err := Command.Main(context.Background(), &cmd.Env{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr})
	var exit *cmd.Exit
	if errors.As(err, &exit) {
		if exit.Err != nil {
			os.Stderr.WriteString(err.Error())
		}
		os.Exit(exit.Code)
	}
	if err != nil {
		os.Exit(99)
	}
}

func reaper(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "PID1_TEST=1")
	return c
}

func TestExitCodes(t *testing.T) {
	for _, row := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"--", "sh", "-c", "exit 7"}, 7, ""},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{[]string{"--", "true"}, 0, ""},
		{[]string{"--", "/no/such/program"}, 127, "docker-init: exec /no/such/program: "},
		{[]string{"--", "/"}, 126, "docker-init: exec /: "},
		{[]string{"--"}, 1, "no program given"},
		{[]string{"-s", "--", "sh", "-c", "(sleep 0.1 &) ; exit 3"}, 3, ""},
	} {
		var stderr bytes.Buffer
		c := reaper(row.args...)
		c.Stderr = &stderr
		_ = c.Run()
		if c.ProcessState.ExitCode() != row.code || !strings.Contains(stderr.String(), row.text) {
			t.Errorf("%q: code %d, %s", row.args, c.ProcessState.ExitCode(), &stderr)
		}
	}
}

// The program gets the signal and decides on the code.
func TestSignalsArePassedOn(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1} {
		c := reaper("--", "sh", "-c", "trap 'exit 42' TERM INT HUP USR1; echo ready; while :; do sleep 0.02; done")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != 42 {
			t.Errorf("%v: code %d, want 42", sig, got)
		}
	}
}

// An orphan of the program is reaped by the subreaper and leaves no zombie behind.
func TestOrphansAreReaped(t *testing.T) {
	c := reaper("-s", "--", "sh", "-c",
		`for i in 1 2 3; do (sleep 0.05 &) ; done; sleep 0.4; ps -o stat= --ppid $PPID | grep -c Z; true`)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != "0" {
		t.Errorf("zombies under the subreaper: %s", got)
	}
}
