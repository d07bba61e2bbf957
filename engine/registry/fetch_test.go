package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestFetchRefused checks that an error reply's status becomes the class of the error, with at most the beginning of
// its body as the text.
func TestFetchRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "said\n")
	}))
	defer s.Close()
	for code, is := range map[int]func(error) bool{
		404: errdefs.IsNotFound, 401: errdefs.IsUnauthorized, 403: errdefs.IsPermissionDenied, 409: errdefs.IsConflict,
		400: errdefs.IsInvalidArgument,
		410: errdefs.IsInvalidArgument, 500: errdefs.IsUnknown, 501: errdefs.IsNotImplemented, 503: errdefs.IsUnavailable,
	} {
		url := s.URL + "/" + strconv.Itoa(code)
		_, _, err := Fetch(t.Context(), url)
		if want := "failed to GET " + url + " with status " + strconv.Itoa(code) + " " + http.StatusText(code) +
			": said"; err == nil || !is(err) || err.Error() != want {
			t.Errorf("%d: %v", code, err)
		}
	}
	body, _, err := Fetch(t.Context(), s.URL+"/200")
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(body); string(raw) != "said\n" || err != nil || body.Close() != nil {
		t.Errorf("%q %v", raw, err)
	}
}
