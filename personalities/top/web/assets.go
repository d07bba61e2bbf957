package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/containerd/errdefs"
)

// packed has the page compressed, as `make build` makes it of the folder page and of the charts. In a checkout where
// that was never done there is only a page that says so.
//
//go:embed packed
var packed embed.FS

// asset is a file of the page.
type asset struct {
	packed []byte // by gzip, or as it is if plain
	plain  bool
	kind   string // media type
	tag    string
}

// openAssets returns the files by their paths in addresses. The page itself is "/".
func openAssets(from fs.FS) (map[string]asset, error) {
	names, err := fs.Glob(from, "packed/*.gz")
	if err != nil {
		return nil, err
	}
	out := map[string]asset{}
	for _, name := range append(names, "packed/unbuilt.html") {
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("the embedded page: %w", err)
		}
		base, compressed := strings.CutSuffix(path.Base(name), ".gz")
		sum := sha256.Sum256(raw)
		out["/"+base] = asset{packed: raw, plain: !compressed, kind: mediaType(base),
			tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	out["/"] = out["/unbuilt.html"]
	if index, ok := out["/index.html"]; ok {
		out["/"] = index
	}
	return out, nil
}

// mediaType returns the type by a file's name, whatever the host's tables say.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.FormatMediaType("text/plain", map[string]string{"charset": "utf-8"})
}

// asset sends a file of the page. Browsers keep it and ask whether it is still the same.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := s.files[r.URL.Path]
	if !ok {
		return fmt.Errorf("no page %.100q: %w", r.URL.Path, errdefs.ErrNotFound)
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Etag", a.tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if tagged(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := a.packed
	switch {
	case a.plain:
	case strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		h.Set("Content-Encoding", "gzip")
	default:
		var err error
		if body, err = unpack(body); err != nil {
			return err
		}
	}
	extend(w)
	_, _ = w.Write(body) // or the client is gone
	return nil
}

// tagged tells whether a list of If-None-Match has a tag.
func tagged(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag {
			return true
		}
	}
	return false
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
