package netapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"box/engine/filter"
	"box/engine/refuse"
	"box/netapi/version"
	"box/netapi/wire"
)

// readJSON decodes the body of r into v. An empty body leaves v unchanged.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	return decode(w, r, v, nil)
}

// decode decodes JSON of at most maxBody bytes into v. It returns empty for a body of spaces only.
func decode(w http.ResponseWriter, r *http.Request, v any, empty error) error {
	if ct := r.Header.Get("Content-Type"); !isJSON(ct) {
		return refuse.Invalid("unsupported Content-Type header (%s): must be 'application/json'", ct)
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	err := d.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		return empty
	case errors.As(err, &large):
		return err
	case err != nil:
		return refuse.Invalid("invalid JSON: %s", err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse.Invalid("unexpected content after JSON")
	}
	return nil
}

// readWanted is readJSON, but refuses an empty body.
func readWanted(w http.ResponseWriter, r *http.Request, v any) error {
	if r.Body == nil || r.ContentLength == 0 {
		return version.ErrEmptyBody
	}
	return decode(w, r, v, version.ErrEmptyBody)
}

// writeJSON replies with v.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return wire.NewEncoder(w).Encode(v)
}

// flag parses a boolean of the query as Docker does: all values but "", 0, no, false and none are true.
func flag(r *http.Request, name string) bool {
	switch strings.ToLower(strings.TrimSpace(r.URL.Query().Get(name))) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// filters parses the parameter filters in both of its forms, with lists or with maps of values.
func filters(r *http.Request) (filter.Args, error) {
	text := r.FormValue("filters")
	f := filter.Args{}
	if text == "" {
		return f, nil
	}
	var lists map[string][]string
	if json.Unmarshal([]byte(text), &lists) == nil {
		return lists, nil
	}
	var sets map[string]map[string]bool
	if json.Unmarshal([]byte(text), &sets) != nil {
		return nil, refuse.Invalid("invalid filter")
	}
	for key, values := range sets {
		for v, on := range values {
			if on {
				f[key] = append(f[key], v)
			}
		}
	}
	return f, nil
}

// moment parses a time in seconds since 1970 with up to nine decimals; "" and "0" are the zero time.
func moment(s string) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	seconds, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, refuse.Invalid("%v", err) // Docker's text
	}
	nano := int64(0)
	if fraction != "" {
		if _, err := strconv.ParseInt(fraction, 10, 64); err != nil {
			return time.Time{}, refuse.Invalid("%v", err)
		}
		if nano, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64); err != nil {
			return time.Time{}, refuse.Invalid("%v", err)
		}
	}
	return time.Unix(sec, nano), nil
}

// size parses the parameters h and w.
func size(r *http.Request) (height, width uint16, err error) {
	h, err := strconv.ParseUint(r.FormValue("h"), 10, 32)
	if err != nil {
		return 0, 0, refuse.Invalid("invalid resize height %s", strconv.Quote(r.FormValue("h")))
	}
	wd, err := strconv.ParseUint(r.FormValue("w"), 10, 32)
	if err != nil {
		return 0, 0, refuse.Invalid("invalid resize width %s", strconv.Quote(r.FormValue("w")))
	}
	return uint16(h), uint16(wd), nil // what a terminal can have of them
}

// flushWriter flushes after each write.
type flushWriter struct {
	w io.Writer
	c *http.ResponseController
}

func newFlushWriter(w http.ResponseWriter) *flushWriter {
	return &flushWriter{w: w, c: http.NewResponseController(w)}
}

func (f *flushWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.c.Flush()
	}
	return n, err
}
