package engine

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// mostNamed is how many images are named to somebody who cannot get another.
const mostNamed = 5

// offline adds to the error of a registry that was not reached how images come in without it, and which are here.
func (e *Engine) offline(err error) error {
	var name *net.DNSError
	var op *net.OpError
	if !errors.As(err, &name) && !(errors.As(err, &op) && op.Op == "dial") {
		return err
	}
	var names []string
	for _, i := range e.images.List() {
		names = append(names, i.Names...)
	}
	here := "no images are here yet"
	switch more := len(names) - mostNamed; {
	case more > 0:
		here = fmt.Sprintf("here are %s and %d more", strings.Join(names[:mostNamed], ", "), more)
	case len(names) > 0:
		here = "here are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("%w: without that registry, docker save IMAGE -o FILE where it is reached and docker load -i FILE here; %s", err, here)
}
