package netapi

import (
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"box/netapi/wire"
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

// loadImages reads an archive; what goes wrong after the reply has begun is its last line.
func (s *Server) loadImages(w http.ResponseWriter, r *http.Request) error {
	quietly := r.FormValue("quiet") == "" || flag(r, "quiet")
	out := newProgress(w)
	if err := s.e.Load(r.Context(), r.Body, quietly, out.write); err != nil {
		return out.end(err)
	}
	return nil
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
	out := newProgress(w)
	return out.end(s.e.Pull(r.Context(), ref, out.write))
}

type notYetError string

func (e notYetError) Error() string { return string(e) }
func (notYetError) Unwrap() error   { return errdefs.ErrNotImplemented }

func notYet(what string) error { return notYetError(what + " is not implemented yet") }

// progress writes JSON lines; until the first one, an error can still be a status.
type progress struct {
	w     http.ResponseWriter
	out   *wire.JSONWriter
	began bool
}

func newProgress(w http.ResponseWriter) *progress { return &progress{w: w, out: wire.NewJSONWriter(w)} }

func (p *progress) write(v any) error {
	if !p.began {
		p.began = true
		p.w.Header().Set("Content-Type", "application/json")
		p.w.WriteHeader(http.StatusOK)
	}
	return p.out.Write(v)
}

func (p *progress) end(err error) error {
	if err == nil || !p.began {
		return err
	}
	return p.out.Fail(err)
}
