package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/moby/moby/api/types/events"
	apiregistry "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/filter"
	"box/engine/image"
	"box/engine/progress"
	"box/engine/reference"
	"box/engine/refuse"
	"box/engine/registry"
)

// Pulling says what Pull pulls.
type Pulling struct {
	Name     string
	Tag      string // a tag or a digest; "" for what Name says, and when that is neither for all tags
	Platform *ocispec.Platform
	Auth     apiregistry.AuthConfig
}

// Pull pulls images from a registry. The built-in image is made instead.
func (e *Engine) Pull(ctx context.Context, q Pulling, out func(progress.Line) error) (err error) {
	defer e.trim()
	defer e.actions.Time("image", "pull", &err)()
	ref, err := parseReference(q.Name, q.Tag)
	if err != nil {
		return err
	}
	status := func(isNew bool) error {
		if isNew {
			return out(progress.Said("Status: Downloaded newer image for %s", ref.Familiar()))
		}
		return out(progress.Said("Status: Image is up to date for %s", ref.Familiar()))
	}
	if image.IsHello(ref.String()) {
		_, had := e.images.Resolve(ref.String())
		if _, err := e.images.MakeHello(ctx); err != nil {
			return err
		}
		return status(had != nil)
	}
	pulled, err := e.registry.Load().Pull(ctx, e.images, ref, q.Auth, q.Platform,
		func(l registry.Line) error { return out(lineOf(l)) })
	isNew := false
	for _, p := range pulled {
		isNew = isNew || p.New
		e.publishMoved(ctx, events.ActionPull, p.Ref, p.Image.Config.Config.Labels)
	}
	if err != nil {
		return e.offline(err)
	}
	for _, p := range pulled {
		if perr := p.Image.CheckPlatform(p.Image.ID.String(), q.Platform); perr != nil {
			if err := out(progress.Said("WARNING: %v", perr)); err != nil {
				return err
			}
		}
	}
	return status(isNew)
}

// publishMoved publishes that an image was pulled or pushed, as an event about the name.
func (e *Engine) publishMoved(ctx context.Context, action events.Action, ref reference.Named,
	labels map[string]string) {
	e.publishImage(ctx, action, digest.Digest(ref.Familiar()), ref.FamiliarName(), labels)
}

// parseReference parses a name with a separate tag or digest.
func parseReference(name, tag string) (reference.Named, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return ref, refuse.Invalid("%v", err)
	}
	if tag != "" {
		if d, derr := digest.Parse(tag); derr == nil {
			ref = ref.WithDigest(d)
		} else if ref, err = ref.WithTag(tag); err != nil {
			return ref, refuse.Invalid("%v", err)
		}
	}
	if ref.FamiliarName() == "scratch" {
		return ref, refuse.Denied("'scratch' is a reserved name")
	}
	return ref, nil
}

// lineOf converts a line of a registry for clients.
func lineOf(l registry.Line) progress.Line {
	p := progress.Line{ID: l.ID, Status: l.Status, Aux: l.Aux}
	switch {
	case l.Current > 0 || l.Total > 0:
		return progress.Counted(l.ID, l.Status, l.Current, l.Total)
	case l.ID != "" && !l.Plain, l.Aux != nil:
		p.Detail = &progress.Detail{}
	}
	return p
}

// Login checks credentials with a registry. If it returns a token, that replaces the password.
func (e *Engine) Login(ctx context.Context, auth apiregistry.AuthConfig) (apiregistry.AuthResponse, error) {
	identity, err := e.registry.Load().Login(ctx, auth)
	if err != nil {
		return apiregistry.AuthResponse{}, err
	}
	return apiregistry.AuthResponse{Status: "Login Succeeded", IdentityToken: identity}, nil
}

// Distribution returns what a registry has under a name.
func (e *Engine) Distribution(ctx context.Context, name string,
	auth apiregistry.AuthConfig) (*apiregistry.DistributionInspect, error) {
	named, id, err := reference.ParseAny(name)
	if err != nil {
		return nil, refuse.Invalid("%v", err)
	}
	if id != "" {
		return nil, refuse.Invalid("unknown image reference format: %s", name)
	}
	return e.registry.Load().Inspect(ctx, named.OrLatest(), auth)
}

// mostNamed limits how many local images an error names.
const mostNamed = 5

// offline adds to the error about an unreachable registry how to load images without it, and which are available.
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
	return fmt.Errorf("%w: without that registry, docker save IMAGE -o FILE where it is reached and docker load -i FILE "+
		"here; %s", err, here)
}

// Pushing says what Push pushes.
type Pushing struct {
	Name     string
	Tag      string            // "" for all tags of the repository
	Platform *ocispec.Platform // the image has to be for, nil for any
	Auth     apiregistry.AuthConfig
}

// Push pushes images to their registry.
func (e *Engine) Push(ctx context.Context, q Pushing, out func(progress.Line) error) error {
	defer e.trim()
	named, err := parseReference(q.Name, q.Tag)
	if err != nil {
		return err
	}
	if named.Digest != "" {
		return refuse.Invalid("cannot push a digest reference")
	}
	if err := out(progress.Said("The push refers to repository [%s]", named.Name())); err != nil {
		return err
	}
	tags, ids := e.images.Tags(named)
	if len(tags) == 0 {
		return refuse.NotFound("An image does not exist locally with the tag: %s", named.FamiliarName())
	}
	found := false
	for n, t := range tags {
		if named.Tag != "" && t.Tag != named.Tag {
			continue
		}
		found = true
		if err := e.pushOne(ctx, t, ids[n], q, out); err != nil {
			return err
		}
	}
	if !found {
		return refuse.NotFound("tag does not exist: %s", named.Familiar())
	}
	return nil
}

func (e *Engine) pushOne(ctx context.Context, ref reference.Named, id digest.Digest, q Pushing,
	out func(progress.Line) error) error {
	l, err := e.imageOf(id.String(), q.Platform)
	if err != nil {
		return err
	}
	err = e.registry.Load().Push(ctx, e.images, ref, id, q.Auth,
		func(line registry.Line) error { return out(lineOf(line)) })
	if err == nil {
		e.publishMoved(ctx, events.ActionPush, ref, l.Config.Config.Labels)
	}
	return err
}

// Limits of the number of search results.
const (
	searchDefault = 25
	searchMost    = 100
)

// Search searches a registry; limit 0 means 25.
func (e *Engine) Search(ctx context.Context, term string, limit int, f filter.Args,
	auth apiregistry.AuthConfig) ([]apiregistry.SearchResult, error) {
	fits, err := filter.Search(f)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = searchDefault
	}
	if limit < 1 || limit > searchMost {
		return nil, refuse.Invalid("limit %d is outside the range of [1, %d]", limit, searchMost)
	}
	found, err := e.registry.Load().Search(ctx, term, limit, auth)
	if err != nil {
		return nil, err
	}
	out := []apiregistry.SearchResult{}
	for _, r := range found {
		if fits(r) {
			out = append(out, r)
		}
	}
	return out, nil
}
