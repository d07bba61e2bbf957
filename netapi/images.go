package netapi

import (
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine"
)

func (s *Server) listImages(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	list, err := s.e.Images(r.Context(), flag(r, "all"), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *Server) inspectImage(w http.ResponseWriter, r *http.Request) error {
	img, err := s.e.InspectImage(r.Context(), name(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, img)
}

func (s *Server) imageHistory(w http.ResponseWriter, r *http.Request) error {
	h, err := s.e.ImageHistory(r.Context(), name(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, h)
}

func (s *Server) tagImage(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.TagImage(r.Context(), name(r), r.FormValue("repo"), r.FormValue("tag")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Server) removeImage(w http.ResponseWriter, r *http.Request) error {
	if strings.TrimSpace(name(r)) == "" {
		return refused("image name cannot be blank")
	}
	done, err := s.e.RemoveImage(r.Context(), name(r), flag(r, "force"), !flag(r, "noprune"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

// saveImages writes an archive.
func (s *Server) saveImages(w http.ResponseWriter, r *http.Request) error {
	p, err := engine.ParsePlatform(r.FormValue("platform"))
	if err != nil {
		return err
	}
	names := r.URL.Query()["names"]
	if n := name(r); n != "" {
		names = []string{n}
	}
	w.Header().Set("Content-Type", "application/x-tar")
	out := &counting{w: w}
	if err := s.e.Save(r.Context(), names, p, out); err != nil {
		return cutOff(out, err)
	}
	return nil
}

// loadImages reads an archive; what goes wrong after the reply has begun is its last line.
func (s *Server) loadImages(w http.ResponseWriter, r *http.Request) error {
	quietly := r.FormValue("quiet") == "" || flag(r, "quiet")
	p, err := engine.ParsePlatform(r.FormValue("platform"))
	if err != nil {
		return err
	}
	out := newProgress(w, r)
	return out.end(s.e.Load(r.Context(), r.Body, engine.LoadOptions{Quiet: quietly, Platform: p}, out.write))
}

// createImage makes an image from elsewhere. The built-in one can always be had.
func (s *Server) createImage(w http.ResponseWriter, r *http.Request) error {
	if r.FormValue("fromSrc") != "" {
		return notYet("import of an image")
	}
	ref := r.FormValue("fromImage")
	if tag := r.FormValue("tag"); tag != "" {
		ref += ":" + tag
	}
	out := newProgress(w, r)
	return out.end(s.e.Pull(r.Context(), ref, out.write))
}

type notYetError string

func (e notYetError) Error() string { return string(e) }
func (notYetError) Unwrap() error   { return errdefs.ErrNotImplemented }

func notYet(what string) error { return notYetError(what + " is not implemented yet") }
