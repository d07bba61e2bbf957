package netapi

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"box/netapi/version"
)

// TestEndpoints asks for every endpoint of Docker's: it is built, or says what is missing, in every form of its path,
// and never "page not found".
func TestEndpoints(t *testing.T) {
	raw, err := os.ReadFile("testdata/endpoints.tsv")
	if err != nil {
		t.Fatal(err)
	}
	e := startEdge(t)
	router := (&Server{}).routes()
	variable := regexp.MustCompile(`{\w+}`)
	rows := 0
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue
		}
		rows++
		for _, form := range []string{"", "/v1.44"} {
			for _, name := range []string{"web", "a.b_c"} {
				path := form + variable.ReplaceAllString(f[1], name)
				var match mux.RouteMatch
				routed := f[0] == http.MethodOptions ||
					router.Match(httptest.NewRequest(f[0], path, nil), &match) && match.Route != nil && match.MatchErr == nil
				if strings.HasPrefix(f[1], "/debug/") && form != "" {
					continue
				}
				if routed != (f[2] == "built") {
					t.Errorf("%s %s: is built: %v, to be %s", f[0], path, routed, f[2])
				}
				if !routed {
					checkRefusal(t, e, f[0], path, f[2])
				}
			}
		}
	}
	if rows < 120 {
		t.Errorf("only %d endpoints", rows)
	}
}

// checkRefusal asks with a body, as the clients of these endpoints do.
func checkRefusal(t *testing.T, e *edge, method, path, want string) {
	t.Helper()
	status, body := e.ask(t, &call{method: method}, path, "application/json", []byte("{}"))
	var said struct{ Message string }
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatalf("%s %s: %q", method, path, body)
	}
	if strconv.Itoa(status) != want {
		t.Errorf("%s %s: status %d, to be %s", method, path, status, want)
	}
	if status == 501 && !strings.Contains(said.Message, "this version of box does not ") ||
		status == 503 && !strings.Contains(said.Message, "swarm") {
		t.Errorf("%s %s: %q does not say what is missing", method, path, said.Message)
	}
}

// TestRefusedBody: who sends all of a large body before it looks at the answer gets it.
func TestRefusedBody(t *testing.T) {
	e := startEdge(t)
	for _, path := range []string{"/build", "/v1.41/plugins/pull", "/services/create"} {
		c := e.dial(t)
		body := make([]byte, 16<<20)
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\nContent-Length: "+
			"%d\r\n\r\n%s", path, len(body), body)
		if err != nil {
			t.Errorf("%s: send the body: %v", path, err)
		}
		in := bufio.NewReader(c)
		if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 501 && res.StatusCode != 503 {
			t.Errorf("%s: %v %v", path, res, err)
		}
		c.Close()
	}
}

// TestPlugins is what clients ask first, and what inspect without a type asks last.
func TestPlugins(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/plugins", 200, "[]\n"},
		{"GET", "/v1.25/plugins?filters=%7B%22enable%22:%5B%22true%22%5D%7D", 200, "[]\n"},
		{"GET", "/plugins/vieux/sshfs:latest/json", 404, `{"message":"plugin \"vieux/sshfs:latest\" not found"}` + "\n"},
		{"DELETE", "/plugins/x?force=1", 404, `{"message":"plugin \"x\" not found"}` + "\n"},
		{"GET", "/plugins/", 404, `{"message":"page not found"}` + "\n"},
		{"PATCH", "/services/x", 404, `{"message":"page not found"}` + "\n"},
		{"POST", "/v9.9/build", 400, `{"message":"client version 9.9 is too new. Maximum supported API version is ` +
			version.Max + `"}` + "\n"},
	} {
		if status, body := e.ask(t, &call{method: row.method}, row.path, "", nil); status != row.status ||
			string(body) != row.body {
			t.Errorf("%s %s: %d %s", row.method, row.path, status, body)
		}
	}
}

// TestNetworkRefusals are changes of networks that Docker refuses too, in its words.
func TestNetworkRefusals(t *testing.T) {
	e := startEdge(t)
	for _, row := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"POST", "/networks/create", "", 400, "invalid JSON: got EOF while reading request body"},
		{"POST", "/networks/create", "{}", 400, "invalid name: "},
		{"POST", "/networks/create", `{"Name":"host"}`, 403, "operation is not permitted on predefined host network "},
		{"POST", "/networks/create", `{"Name":"mine"}`, 409, "this daemon has no network for containers"},
		{"DELETE", "/networks/absent", "", 404, "network absent not found"},
		{"DELETE", "/networks/none", "", 403, "none is a pre-defined network and cannot be removed"},
		{"POST", "/networks/absent/connect", `{"Container":"running"}`, 404, "network absent not found"},
		{"POST", "/networks/none/connect", `{"Container":"absent"}`, 404, "No such container: absent"},
		{"POST", "/networks/host/connect", `{"Container":"running"}`, 400,
			"container cannot be disconnected from host network or connected to host network"},
		{"POST", "/networks/none/connect", `{"Container":"running"}`, 400,
			"container sharing network namespace with another container or host cannot be connected to any other network"},
		{"POST", "/networks/none/disconnect", `{"Container":"running"}`, 500, "is not connected to network none"},
		{"POST", "/networks/host/disconnect", `{"Container":"running"}`, 400,
			"container cannot be disconnected from host network or connected to host network"},
	} {
		status, body := e.ask(t, &call{method: row.method}, row.path, "application/json", []byte(row.body))
		if status != row.status || !strings.Contains(string(body), row.message) {
			t.Errorf("%s %s %s: %d %s", row.method, row.path, row.body, status, body)
		}
	}
}
