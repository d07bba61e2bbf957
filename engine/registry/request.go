package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/errdefs"
)

// pulling and pushing return the scopes of a repository (distribution, "Token Scope").
func (r *repository) pulling() []string { return []string{"repository:" + r.path() + ":pull"} }
func (r *repository) pushing() []string { return []string{"repository:" + r.path() + ":pull,push"} }

// call is one request to a registry.
type call struct {
	method string
	url    string
	scopes []string
	header http.Header
	body   io.Reader // sent once; nil for none
	length int64     // of body, -1 if unknown
	again  []byte    // a body that can be sent again, instead of body
}

// do sends a call and returns the reply unless it is an error; the caller closes its body. If the registry wants
// other credentials, do retries a call whose body can be sent again.
func (r *repository) do(ctx context.Context, k call) (*http.Response, error) {
	for try := 0; ; try++ {
		res, err := r.try(ctx, k)
		if err != nil {
			return nil, err
		}
		if res.StatusCode < 400 {
			return res, nil
		}
		if res.StatusCode == http.StatusUnauthorized && try == 0 && k.body == nil && r.auth.refused(res, k.scopes) {
			res.Body.Close()
			continue
		}
		defer res.Body.Close()
		return nil, failed(res)
	}
}

func (r *repository) try(ctx context.Context, k call) (*http.Response, error) {
	body := k.body
	if k.again != nil {
		body = bytes.NewReader(k.again)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, k.url, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	if k.body != nil {
		req.ContentLength = k.length
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", r.c.o.Agent)
	if err := r.auth.authorize(ctx, req, k.scopes); err != nil {
		if errors.Is(err, errNoCredentials) {
			op := k.method[:1] + strings.ToLower(k.method[1:])
			return nil, &url.Error{Op: op, URL: k.url, Err: err}
		}
		return nil, err
	}
	res, err := r.end.http.Do(req)
	if err != nil {
		return nil, transport(err)
	}
	return res, nil
}

// transport wraps the error of a request that got no reply.
func transport(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w%w", err, silent{errdefs.ErrUnknown}) // classed as unknown, whatever the cause
}

// drain reads the rest of a short reply, so that its connection can be reused.
func drain(res *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // an error only costs the connection
	res.Body.Close()
}
