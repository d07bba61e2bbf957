// Package registry moves images between the catalog and registries, by the OCI distribution protocol over HTTP.
package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/containerd/errdefs"
)

// Fetch opens a file on the web. size is -1 where the server does not tell.
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
		said, _ := io.ReadAll(io.LimitReader(res.Body, 512)) // as much as was said before an error
		return nil, 0, fmt.Errorf("failed to GET %s with status %s: %s: %w", url, res.Status, said, errdefs.ErrUnknown)
	}
	return res.Body, res.ContentLength, nil
}
