package netapi

import (
	"compress/flate"
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"box/engine"
	"box/engine/refuse"
	"box/netapi/wire"
)

// archivePath returns the path of a request for an archive.
func archivePath(r *http.Request) (string, error) {
	p := r.FormValue("path")
	if p == "" {
		return "", refuse.Invalid("bad parameter: pathcannot be empty") // word for word
	}
	if strings.ContainsRune(p, 0) {
		return "", refuse.Invalid("bad parameter: path contains a zero byte")
	}
	return p, nil
}

func setPathStat(w http.ResponseWriter, stat wire.PathStat) error {
	value, err := wire.EncodePathStat(stat)
	if err != nil {
		return err
	}
	w.Header().Set(wire.PathStatHeader, value)
	return nil
}

func (s *Server) statArchive(w http.ResponseWriter, r *http.Request) error {
	p, err := archivePath(r)
	if err != nil {
		return err
	}
	stat, err := s.e.StatPath(r.Context(), name(r), p)
	if err != nil {
		return err
	}
	return setPathStat(w, wire.PathStat(stat))
}

func (s *Server) getArchive(w http.ResponseWriter, r *http.Request) error {
	p, err := archivePath(r)
	if err != nil {
		return err
	}
	out, err := s.e.CopyFrom(r.Context(), name(r), p)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := setPathStat(w, wire.PathStat(out.Stat)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-tar")
	body, end := encoded(w, r)
	if err := out.Write(r.Context(), body); err != nil {
		return s.cut(r, err)
	}
	return end()
}

// cut breaks the connection of a reply that has begun and failed, so that the client does not take it for complete.
func (s *Server) cut(r *http.Request, err error) error {
	if r.Context().Err() == nil {
		s.log.Warn("reply is cut off", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}

func (s *Server) putArchive(w http.ResponseWriter, r *http.Request) error {
	p, err := archivePath(r)
	if err != nil {
		return err
	}
	o := engine.CopyOptions{KeepKinds: flag(r, "noOverwriteDirNonDir"), ToTheirOwn: flag(r, "copyUIDGID")}
	return s.e.CopyTo(r.Context(), name(r), p, o, r.Body)
}

func (s *Server) exportContainer(w http.ResponseWriter, r *http.Request) error {
	out, err := s.e.Export(r.Context(), name(r))
	if err != nil {
		return err
	}
	defer out.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := out.Write(r.Context(), w); err != nil {
		return s.cut(r, err)
	}
	return nil
}

// encoded compresses the reply as the client prefers; end writes the rest.
func encoded(w http.ResponseWriter, r *http.Request) (body io.Writer, end func() error) {
	switch acceptedEncoding(r.Header.Values("Accept-Encoding")) {
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		return z, z.Close
	case "deflate":
		w.Header().Set("Content-Encoding", "deflate")
		z, _ := flate.NewWriter(w, flate.BestSpeed)
		return z, z.Close
	}
	return w, func() error { return nil }
}
