package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine/reference"
)

// failure is an error that a registry returned (OCI distribution-spec, "Error Codes").
type failure struct {
	code    string
	message string
	status  int
}

// Error returns the registry's text as Docker prints it.
func (f *failure) Error() string {
	code := strings.ToLower(strings.ReplaceAll(f.code, "_", " "))
	if code == "" || f.message == "" {
		return code + f.message
	}
	return code + ": " + f.message
}

// Unwrap returns the error class.
func (f *failure) Unwrap() error {
	switch {
	case f.code == "UNSUPPORTED":
		return errdefs.ErrNotImplemented
	case f.status == http.StatusNotFound && f.code != "":
		return errdefs.ErrNotFound
	case f.status >= 500, f.status == http.StatusTooManyRequests:
		return errdefs.ErrUnavailable
	}
	return errdefs.ErrUnknown
}

// passing reports whether a retry may succeed.
func passing(err error) bool {
	var f *failure
	return !errors.As(err, &f) || f.status >= 500 || f.status == http.StatusTooManyRequests
}

// failed turns an error reply into an error. If it is not a registry's reply, the error names the host and what it
// said.
func failed(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil && len(raw) == 0 {
		return transport(err)
	}
	for _, c := range challengesOf(res.Header) {
		if c.params["error"] == "insufficient_scope" {
			return &failure{"DENIED", "requested access to the resource is denied", res.StatusCode}
		}
	}
	var body struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Details string `json:"details"`
	}
	if json.Unmarshal(raw, &body) == nil {
		if len(body.Errors) > 0 && body.Errors[0].Code != "" {
			e := body.Errors[0]
			return &failure{e.Code, oneLine(e.Message), res.StatusCode}
		}
		if body.Details != "" && res.StatusCode == http.StatusUnauthorized {
			return &failure{"UNAUTHORIZED", oneLine(body.Details), res.StatusCode}
		}
	}
	switch {
	case res.StatusCode == http.StatusUnauthorized && len(challengesOf(res.Header)) > 0:
		return &failure{"UNAUTHORIZED", "authentication required", res.StatusCode}
	case res.StatusCode == http.StatusTooManyRequests:
		return &failure{"TOOMANYREQUESTS", "the registry asks for fewer requests", res.StatusCode}
	}
	return unexpected(res, raw)
}

// unexpected returns the error for an answer that no registry would give.
func unexpected(res *http.Response, raw []byte) error {
	kind := res.Header.Get("Content-Type")
	if kind == "" {
		kind = "no Content-Type"
	}
	err := fmt.Errorf("%s is not answering as a registry: %s %s gave %s, %s%s", res.Request.URL.Host, res.Request.Method,
		res.Request.URL.Path, res.Status, kind, excerpt(raw))
	return &failure{message: err.Error(), status: res.StatusCode}
}

func excerpt(raw []byte) string {
	if text := oneLine(string(raw[:min(len(raw), 80)])); text != "" {
		return fmt.Sprintf(": %q", text)
	}
	return ""
}

// oneLine removes control characters, so that a server cannot draw on a terminal, and limits the length.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), 1000)])
}

// told is an error with Docker's text and an error class.
type told struct {
	text  string
	class error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.class }

// pullError rewrites an error of a pull with Docker's text.
func pullError(err error, ref reference.Named) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	switch f.code {
	case "DENIED":
		return &told{fmt.Sprintf("pull access denied for %s, repository does not exist or may require 'docker login': %v",
			ref.FamiliarName(), f), errdefs.ErrNotFound}
	case "MANIFEST_UNKNOWN":
		return &told{fmt.Sprintf("manifest for %s not found: %v", ref.Familiar(), f), errdefs.ErrNotFound}
	case "NAME_UNKNOWN":
		return &told{fmt.Sprintf("repository %s not found: %v", ref.FamiliarName(), f), errdefs.ErrNotFound}
	}
	return err
}
