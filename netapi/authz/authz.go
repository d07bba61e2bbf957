package authz

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
)

// Request is a request for a plugin's decision in Docker's protocol. The response's fields are set only for AskReply.
type Request struct {
	User                    string            `json:",omitempty"` // name in the client's certificate
	UserAuthNMethod         string            `json:",omitempty"` // "TLS" if there is a certificate
	RequestMethod           string            `json:",omitempty"`
	RequestURI              string            `json:"RequestUri,omitempty"`
	RequestBody             []byte            `json:",omitempty"` // complete, or nil
	RequestHeaders          map[string]string `json:",omitempty"`
	RequestPeerCertificates [][]byte          `json:",omitempty"` // PEM
	ResponseStatusCode      int               `json:",omitempty"`
	ResponseBody            []byte            `json:",omitempty"`
	ResponseHeaders         map[string]string `json:",omitempty"`
}

// answer is a plugin's answer.
type answer struct {
	Allow    bool
	Msg, Err string
}

// Methods of the protocol.
const (
	askRequest  = "AuthZPlugin.AuthZReq"
	askResponse = "AuthZPlugin.AuthZRes"
)

// Chain is a list of plugins that must all allow a request.
type Chain struct{ plugins []*plugin }

// Open finds plugins by name and activates them. It returns nil if there are no names.
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

// Close closes idle connections. Calls under way are completed.
func (c *Chain) Close() {
	for _, p := range c.plugins {
		p.http.CloseIdleConnections()
	}
}

// Ask returns nil if all plugins allow a request, or the error for its client.
func (c *Chain) Ask(ctx context.Context, r *Request) error { return c.ask(ctx, askRequest, r, false) }

// AskReply returns nil if all plugins allow the reply. As in Docker, the last plugin is asked first.
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

// denied is a refusal.
type denied struct{ text string }

// Error returns the message for the client.
func (d denied) Error() string { return d.text }

// Unwrap returns the class of the error.
func (denied) Unwrap() error { return errdefs.ErrPermissionDenied }
