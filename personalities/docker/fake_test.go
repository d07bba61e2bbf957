package docker

import (
	"io"
	"net/http"
	"testing"

	"box/personalities/docker/clienttest"
)

type (
	fake   = clienttest.Daemon
	result = clienttest.Result
)

func newFake(t *testing.T, routes map[string]http.HandlerFunc) *fake {
	return clienttest.New(t, Main, routes)
}

func dockerIn(t *testing.T, home, host, stdin string, args ...string) result {
	t.Helper()
	return clienttest.In(t, Main, home, host, stdin, args...)
}

// dockerFrom is dockerIn with any standard input.
func dockerFrom(t *testing.T, home, host string, stdin io.Reader, args ...string) result {
	t.Helper()
	return clienttest.From(t, Main, home, host, stdin, args...)
}

// dockerWith is dockerFrom with any environment.
func dockerWith(t *testing.T, home string, env map[string]string, stdin io.Reader, args ...string) result {
	t.Helper()
	return clienttest.Run(t, Main, home, env, stdin, args...)
}
