package authz

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
)

// Request is what a plugin is told, under Docker's names. The fields of the response are set when the reply is asked
// about.
type Request struct {
	User                    string            `json:",omitempty"` // the name in the client's certificate
	UserAuthNMethod         string            `json:",omitempty"` // TLS where there is one
	RequestMethod           string            `json:",omitempty"`
	RequestURI              string            `json:"RequestUri,omitempty"`
	RequestBody             []byte            `json:",omitempty"` // the whole of it, or nothing
	RequestHeaders          map[string]string `json:",omitempty"`
	RequestPeerCertificates [][]byte          `json:",omitempty"` // in PEM
	ResponseStatusCode      int               `json:",omitempty"`
	ResponseBody            []byte            `json:",omitempty"`
	ResponseHeaders         map[string]string `json:",omitempty"`
}

// answer is what a plugin says.
type answer struct {
	Allow    bool
	Msg, Err string
}

// The two questions of the protocol.
const (
	askRequest  = "AuthZPlugin.AuthZReq"
	askResponse = "AuthZPlugin.AuthZRes"
)

// Chain is plugins in the order in which they are asked. All must allow.
type Chain struct{ plugins []*plugin }

// Open finds plugins by name and has each of them say that it authorizes. Without names there is no chain.
func Open(ctx context.Context, names []string) (*Chain, error) {
	c := &Chain{}
	known := map[string]bool{}
	for _, name := range names {
		if known[name] {
			continue
		}
		known[name] = true
		p, err := find(name)
		if err == nil {
			err = p.activate(ctx)
		}
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("failed to validate authorization plugin: plugin %q: %w", name, err)
		}
		c.plugins = append(c.plugins, p)
	}
	if len(c.plugins) == 0 {
		return nil, nil
	}
	return c, nil
}

// Close ends idle connections; questions under way are answered.
func (c *Chain) Close() {
	for _, p := range c.plugins {
		p.http.CloseIdleConnections()
	}
}

// Ask asks whether a request may be done: nil, or what its client is told.
func (c *Chain) Ask(ctx context.Context, r *Request) error { return c.ask(ctx, askRequest, r, false) }

// AskReply asks whether the reply may be sent, the last plugin first, as Docker does.
func (c *Chain) AskReply(ctx context.Context, r *Request) error {
	return c.ask(ctx, askResponse, r, true)
}

func (c *Chain) ask(ctx context.Context, what string, r *Request, backwards bool) error {
	for i := range c.plugins {
		p := c.plugins[i]
		if backwards {
			p = c.plugins[len(c.plugins)-1-i]
		}
		var a answer
		err := p.call(ctx, what, r, &a)
		switch {
		case err != nil:
			return fmt.Errorf("plugin %s failed with error: %w", p.name, err)
		case a.Err != "":
			return fmt.Errorf("plugin %s failed with error: %s", p.name, a.Err)
		case !a.Allow:
			return denied{fmt.Sprintf("authorization denied by plugin %s: %s", p.name, a.Msg)}
		}
	}
	return nil
}

// denied is a verdict.
type denied struct{ text string }

// Error is what the client is told.
func (d denied) Error() string { return d.text }

// Unwrap gives its class.
func (denied) Unwrap() error { return errdefs.ErrPermissionDenied }
