package netapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine"
	"box/engine/refuse"
	"box/engine/request"
	"box/netapi/version"
)

func (s *Server) listImages(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	v := version.Of(r.Context())
	if name := r.FormValue("filter"); name != "" && v < 41 {
		f["reference"] = append(f["reference"], name)
	}
	list, err := s.e.Images(r.Context(),
		engine.ImageList{Args: f, SharedSize: flag(r, "shared-size"), Containers: v >= 51})
	if err != nil {
		return err
	}
	shaped := make([]any, 0, len(list))
	for i := range list {
		shaped = append(shaped, version.ImageSummary(&list[i], v))
	}
	return writeJSON(w, http.StatusOK, shaped)
}

func (s *Server) inspectImage(w http.ResponseWriter, r *http.Request) error {
	p, err := request.Platform(r.URL.Query().Get("platform"))
	if err != nil {
		return err
	}
	img, err := s.e.InspectImage(r.Context(), name(r), p)
	if err != nil {
		return err
	}
	shaped, err := version.ImageInspect(img, version.Of(r.Context()))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, shaped)
}

func (s *Server) imageHistory(w http.ResponseWriter, r *http.Request) error {
	p, err := request.Platform(r.URL.Query().Get("platform"))
	if err != nil {
		return err
	}
	h, err := s.e.ImageHistory(r.Context(), name(r), p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, h)
}

// imageAttestations answers as Docker does if it stores images as layers of a storage driver: attestations are part of
// an index, which is not stored then.
func (s *Server) imageAttestations(_ http.ResponseWriter, r *http.Request) error {
	if _, err := s.e.InspectImage(r.Context(), name(r), nil); err != nil {
		return err
	}
	return fmt.Errorf("attestations are not supported: images are stored without their index: %w",
		errdefs.ErrNotImplemented)
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
		return refuse.Invalid("image name cannot be blank")
	}
	platforms := r.URL.Query()["platforms"]
	if len(platforms) > 1 {
		return refuse.Invalid("multiple platforms are not supported")
	}
	p, err := request.Platform(strings.Join(platforms, ""))
	if err != nil {
		return err
	}
	done, err := s.e.RemoveImage(r.Context(), name(r), flag(r, "force"), p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

func (s *Server) pruneImages(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	report, err := s.e.PruneImages(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, report)
}

func (s *Server) saveImages(w http.ResponseWriter, r *http.Request) error {
	p, err := request.Platform(r.FormValue("platform"))
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

// loadImages loads an archive. As in Docker, an error in the archive is the last line of the reply.
func (s *Server) loadImages(w http.ResponseWriter, r *http.Request) error {
	quietly := r.URL.Query().Get("quiet") == "" || flag(r, "quiet")
	p, err := request.Platform(r.URL.Query().Get("platform"))
	if err != nil {
		return err
	}
	s.progressing(w, r, func(out *lineStream) error {
		err := s.e.Load(r.Context(), r.Body, engine.LoadOptions{Quiet: quietly, Platform: p}, out.write)
		out.begin()
		return err
	})
	return nil
}

// createImage pulls an image, or imports one from a tar.
func (s *Server) createImage(w http.ResponseWriter, r *http.Request) error {
	p, err := request.Platform(r.URL.Query().Get("platform"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	s.progressing(w, r, func(out *lineStream) error {
		if q.Get("fromImage") == "" {
			return s.e.Import(r.Context(), engine.Importing{
				Source: q.Get("fromSrc"), Body: r.Body, Repository: q.Get("repo"), Tag: q.Get("tag"), Message: q.Get("message"),
				Changes: q["changes"], Platform: p,
			}, out.write)
		}
		return s.e.Pull(r.Context(), engine.Pulling{Name: q.Get("fromImage"), Tag: q.Get("tag"), Platform: p,
			Auth: authOf(r)}, out.write)
	})
	return nil
}
