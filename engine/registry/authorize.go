package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
)

// authorizer authenticates a user to a registry, by password or by a token from the registry's token service.
type authorizer struct {
	c     *Client
	end   endpoint
	user  Auth
	login bool // also ask for an identity token in place of the password

	mu         sync.Mutex
	challenges []challenge
	tokens     map[string]bearer // by scopes, joined
	identity   string            // the identity token, if login asked for one
}

// bearer is a token and its expiry.
type bearer struct {
	token string
	until time.Time
}

// early is how long before its expiry a token is no longer used.
const early = 10 * time.Second

// errNoCredentials is Docker's error when a registry wants a password and the user gave none.
var errNoCredentials = fmt.Errorf("no basic auth credentials%w", silent{errdefs.ErrUnknown})

// silent is an error class without a text.
type silent struct{ class error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.class }

// names returns the user's name and password, from whichever field has them.
func (a *authorizer) names() (user, password string) {
	if a.user.Username != "" || a.user.Auth == "" {
		return a.user.Username, a.user.Password
	}
	raw, err := base64.StdEncoding.DecodeString(a.user.Auth)
	if err != nil {
		return "", ""
	}
	user, password, _ = strings.Cut(string(raw), ":")
	return user, strings.TrimRight(password, "\x00")
}

// authorize adds the credentials for scopes to a request.
func (a *authorizer) authorize(ctx context.Context, req *http.Request, scopes []string) error {
	if a.user.RegistryToken != "" {
		req.Header.Set("Authorization", "Bearer "+a.user.RegistryToken)
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.challenges {
		if c.scheme != "bearer" {
			continue
		}
		t, err := a.token(ctx, c, scopes)
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+t)
		}
		return err
	}
	for _, c := range a.challenges {
		if c.scheme != "basic" {
			continue
		}
		user, password := a.names()
		if user == "" {
			return errNoCredentials
		}
		req.SetBasicAuth(user, password)
		return nil
	}
	return nil
}

// refused takes the challenges of a refused request, and reports whether to try again.
func (a *authorizer) refused(res *http.Response, scopes []string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := challengesOf(res.Header)
	if a.user.RegistryToken != "" || len(fresh) == 0 {
		return false
	}
	_, had := a.tokens[strings.Join(scopes, " ")]
	delete(a.tokens, strings.Join(scopes, " "))
	first := len(a.challenges) == 0
	a.challenges = fresh
	return first || had && fresh[0].params["error"] != "insufficient_scope"
}

// token returns a token that is still valid, or fetches a new one.
func (a *authorizer) token(ctx context.Context, c challenge, scopes []string) (string, error) {
	key := strings.Join(scopes, " ")
	if t, ok := a.tokens[key]; ok && time.Now().Before(t.until) {
		return t.token, nil
	}
	t, err := a.fetch(ctx, c, scopes)
	if err != nil {
		return "", err
	}
	if a.tokens == nil {
		a.tokens = map[string]bearer{}
	}
	a.tokens[key] = t
	return t.token, nil
}

// fetch asks the token service that a challenge names for a token (distribution, "Token Authentication").
func (a *authorizer) fetch(ctx context.Context, c challenge, scopes []string) (bearer, error) {
	realm, err := url.Parse(c.params["realm"])
	if err != nil || realm.Host == "" || realm.Scheme != "https" && realm.Scheme != "http" {
		return bearer{}, fmt.Errorf("registry %s names %q as its token service: %w", a.end.host, c.params["realm"],
			errdefs.ErrUnknown)
	}
	if realm.Scheme == "http" && strings.HasPrefix(a.end.base, "https:") && !a.c.insecure(a.end.host) {
		return bearer{}, fmt.Errorf("token service %s of registry %s has no TLS: %w", realm.Host, a.end.host,
			errdefs.ErrFailedPrecondition)
	}
	service, err := a.c.endpoint(realm.Scheme, realm.Host)
	if err != nil {
		return bearer{}, err
	}
	req, err := a.request(ctx, realm, c.params["service"], scopes)
	if err != nil {
		return bearer{}, err
	}
	req.Header.Set("User-Agent", a.c.o.Agent)
	res, err := service.http.Do(req)
	if err != nil {
		return bearer{}, transport(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return bearer{}, failed(res)
	}
	return a.read(res)
}

// request builds the request to a token service: a form with the identity token, or else the name and password.
func (a *authorizer) request(ctx context.Context, realm *url.URL, service string, scopes []string) (*http.Request,
	error) {
	if a.user.IdentityToken != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "service": {service}, "client_id": {"docker"},
			"refresh_token": {a.user.IdentityToken}, "scope": {strings.Join(scopes, " ")}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(form.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return req, err
	}
	user, password := a.names()
	q := realm.Query()
	if service != "" {
		q.Set("service", service)
	}
	for _, s := range scopes {
		q.Add("scope", s)
	}
	if a.login {
		q.Set("offline_token", "true")
		q.Set("client_id", "docker")
	}
	if user != "" {
		q.Set("account", user)
	}
	realm.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err == nil && user != "" {
		req.SetBasicAuth(user, password)
	}
	return req, err
}

// read reads the token service's answer.
func (a *authorizer) read(res *http.Response) (bearer, error) {
	var t struct {
		Token   string  `json:"token"`
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Expires float64 `json:"expires_in"`
	}
	err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&t)
	if t.Token == "" {
		t.Token = t.Access
	}
	if err == nil && t.Token == "" {
		err = errors.New("it holds no token")
	}
	if err != nil {
		return bearer{}, fmt.Errorf("answer of the token service of registry %s: %w: %w", a.end.host, err, errdefs.ErrUnknown)
	}
	if strings.ContainsAny(t.Token, "\r\n") {
		return bearer{}, fmt.Errorf("token of registry %s: %w", a.end.host, errdefs.ErrUnknown)
	}
	if t.Refresh != "" {
		a.identity = t.Refresh
	}
	life := max(60*time.Second, time.Duration(min(t.Expires,
		86400))*time.Second) // the protocol promises at least a minute
	return bearer{t.Token, time.Now().Add(life - early)}, nil
}
