package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"box/netapi/wire"
)

// call is a request for which the API version is not chosen yet.
type call struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   any // encoded as JSON, or an io.Reader, which can be sent only once
}

// maxReply is the maximum size of a JSON reply in bytes.
const maxReply = 256 << 20

// send sends a call and returns its reply, or an error if the reply is one. The caller closes the body.
//
// To save a ping, the call is sent in the newest version of the client. An older daemon refuses it without doing
// anything and names its own version; the call is sent again then. Only if the body cannot be sent twice is the version
// negotiated before.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	if _, stream := k.body.(io.Reader); stream {
		if _, err := c.Version(ctx); err != nil {
			return nil, err
		}
	}
	version, agreed := c.spoken()
	res, err := c.try(ctx, k, version)
	if err != nil {
		return nil, err
	}
	if !agreed {
		if lower := res.Header.Get("Api-Version"); tooNew(res, lower, version) {
			res.Body.Close()
			c.agree(lower)
			if res, err = c.try(ctx, k, lower); err != nil {
				return nil, err
			}
		} else if res.StatusCode != http.StatusNotFound { // an older one says that of a route that it does not know
			c.agree(version)
		}
	}
	// 304 is returned by a start of a running container and by a stop of a stopped one
	if res.StatusCode >= 300 && res.StatusCode != http.StatusNotModified {
		return nil, answerError(res)
	}
	return res, nil
}

// tooNew tells whether the daemon refused the version.
func tooNew(res *http.Response, theirs, ours string) bool {
	return res.StatusCode == http.StatusBadRequest && theirs != "" && older(theirs, ours)
}

func (c *Client) try(ctx context.Context, k call, version string) (*http.Response, error) {
	req, err := c.request(ctx, k, version)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(err)
	}
	c.answered()
	return res, nil
}

func (c *Client) request(ctx context.Context, k call, version string) (*http.Request, error) {
	var body io.Reader
	json := false
	switch b := k.body.(type) {
	case nil:
	case io.Reader:
		body = b
	default:
		raw, err := marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encode the body of %s %s: %w", k.method, k.path, err)
		}
		body, json = bytes.NewReader(raw), true
	}
	req, err := http.NewRequestWithContext(ctx, k.method, c.url(k, version), body)
	if err != nil {
		return nil, err
	}
	if c.network != "tcp" {
		req.Host = "docker"
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	for name, value := range c.options.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if json {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func (c *Client) url(k call, version string) string {
	host := c.address
	if c.network != "tcp" {
		host = "docker"
	}
	u := url.URL{Scheme: c.scheme(), Host: host, RawQuery: k.query.Encode()}
	path := c.base
	if version != "" {
		path += "/v" + version
	}
	u.Path = path + strings.Replace(k.path, "//", "/", 1) // names may have the slash before them that inspect shows
	return u.String()
}

// marshal encodes JSON without HTML escapes, so that a command with && is readable in the daemon's log.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// do sends a call and decodes its JSON reply into v, unless v is nil.
func (c *Client) do(ctx context.Context, k call, v any) error {
	res, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body := io.LimitReader(res.Body, maxReply)
	if v == nil {
		// read to the end, so that the connection can be used again
		_, err = io.Copy(io.Discard, body)
		return err
	}
	if raw, ok := v.(*json.RawMessage); ok {
		*raw, err = io.ReadAll(body)
		*raw = bytes.TrimSpace(*raw)
		if err == nil {
			err = json.Unmarshal(*raw, new(json.RawMessage)) // an answer that was cut, or is none
		}
	} else {
		err = json.NewDecoder(body).Decode(v)
		_, _ = io.Copy(io.Discard, body)
	}
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", k.method, k.path, err)
	}
	return nil
}

// stream sends a call and returns the body of its reply. The caller closes it.
func (c *Client) stream(ctx context.Context, k call) (io.ReadCloser, error) {
	res, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// hijack sends a call whose connection becomes a stream. The caller closes it.
func (c *Client) hijack(ctx context.Context, k call) (*wire.Conn, error) {
	version, err := c.Version(ctx)
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, k, version)
	if err != nil {
		return nil, err
	}
	conn, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stream, res, err := wire.Upgrade(conn, req)
	if stream != nil {
		return stream, nil
	}
	if err == nil {
		err = answerError(res)
	}
	conn.Close()
	return nil, err
}
