package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"

	"box/netapi/wire"
)

// Error is an error that the daemon returned. errors.Is finds its class.
type Error struct {
	Status  int
	Message string // the daemon's text
}

// Error returns the daemon's text with Docker's prefix.
func (e *Error) Error() string { return "Error response from daemon: " + e.Message }

// Unwrap returns the class for the status.
func (e *Error) Unwrap() error {
	switch e.Status {
	case http.StatusBadRequest:
		return errdefs.ErrInvalidArgument
	case http.StatusUnauthorized:
		return errdefs.ErrUnauthenticated
	case http.StatusForbidden:
		return errdefs.ErrPermissionDenied
	case http.StatusNotFound:
		return errdefs.ErrNotFound
	case http.StatusConflict:
		return errdefs.ErrConflict
	case http.StatusNotModified:
		return errdefs.ErrNotModified
	case http.StatusNotImplemented:
		return errdefs.ErrNotImplemented
	case http.StatusServiceUnavailable:
		return errdefs.ErrUnavailable
	}
	return errdefs.ErrUnknown
}

// ConnectError reports that no daemon could be reached.
type ConnectError struct {
	Host string
	Err  error
}

// Error returns Docker's text for it.
func (e *ConnectError) Error() string {
	if errors.Is(e.Err, fs.ErrPermission) {
		return fmt.Sprintf("permission denied while trying to connect to the Docker daemon socket at %s: %v", e.Host, e.Err)
	}
	return fmt.Sprintf("Cannot connect to the Docker daemon at %s. Is the docker daemon running?", e.Host)
}

// Unwrap returns the cause and the class.
func (e *ConnectError) Unwrap() []error { return []error{e.Err, errdefs.ErrUnavailable} }

// transportError converts errors of net/http: those about connecting become a ConnectError.
func (c *Client) transportError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return &ConnectError{Host: c.host, Err: op}
	}
	if c.away.Load() && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		return &ConnectError{Host: c.host, Err: err} // nobody took over in time
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return fmt.Errorf("the daemon at %s does not use TLS: omit --tls: %w", c.host, err)
	}
	return fmt.Errorf("error during connect to %s: %w", c.host, err)
}

// answerError makes an Error from a reply, whose body it reads and closes.
func answerError(res *http.Response) error {
	defer res.Body.Close()
	return &Error{Status: res.StatusCode, Message: wire.ReadError(res)}
}
