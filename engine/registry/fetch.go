// Package registry moves images between the catalog and registries, by the OCI distribution protocol over HTTP.
package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"
)

// refusedFetch is an error reply to Fetch. Its status becomes that of the API's reply, as in Docker.
type refusedFetch struct {
	url, status, said string
	code              int
}

// Error implements error.
func (r *refusedFetch) Error() string {
	return fmt.Sprintf("failed to GET %s with status %s: %s", r.url, r.status, r.said)
}

// Unwrap returns the error class for the status.
func (r *refusedFetch) Unwrap() error {
	switch r.code {
	case http.StatusNotFound:
		return errdefs.ErrNotFound
	case http.StatusUnauthorized:
		return errdefs.ErrUnauthenticated
	case http.StatusForbidden:
		return errdefs.ErrPermissionDenied
	case http.StatusConflict:
		return errdefs.ErrConflict
	case http.StatusNotImplemented:
		return errdefs.ErrNotImplemented
	case http.StatusServiceUnavailable:
		return errdefs.ErrUnavailable
	}
	if r.code < http.StatusInternalServerError {
		return errdefs.ErrInvalidArgument
	}
	return errdefs.ErrUnknown
}

// Fetch opens a URL. size is -1 if the server does not tell it.
func Fetch(ctx context.Context, url string) (body io.ReadCloser, size int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	if res.StatusCode >= 400 {
		defer res.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 512)) // best effort: only for the error's text
		return nil, 0, &refusedFetch{url, res.Status, strings.TrimSpace(string(said)), res.StatusCode}
	}
	return res.Body, res.ContentLength, nil
}
