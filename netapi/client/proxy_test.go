package client

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// proxy forwards requests and, if it connects, streams to a server, whatever host they are for. It notes what it is
// asked.
type proxy struct {
	to       string
	connects bool
	mu       sync.Mutex
	asked    []string
}

// ServeHTTP passes one request on.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		r.URL.Host, r.RequestURI = p.to, ""
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.Header().Set("Api-Version", MaxVersion)
		w.WriteHeader(res.StatusCode)
		io.Copy(w, res.Body)
		return
	}
	if !p.connects {
		http.Error(w, "no streams", http.StatusMethodNotAllowed)
		return
	}
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { io.Copy(there, here); there.(*net.TCPConn).CloseWrite() })
	both.Go(func() { io.Copy(here, there); here.(*net.TCPConn).CloseWrite() })
	both.Wait()
}

// environment is what http.ProxyFromEnvironment would choose by variables, in which PROXY is an address: that looks at
// those of the process alone, and once.
func environment(env map[string]string, address string) func(*url.URL) (*url.URL, error) {
	value := func(upper, lower string) string {
		return strings.Replace(cmp.Or(env[upper], env[lower]), "PROXY", address, 1)
	}
	return (&httpproxy.Config{HTTPProxy: value("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: value("HTTPS_PROXY", "https_proxy"), NoProxy: value("NO_PROXY", "no_proxy")}).ProxyFunc()
}

// TestProxyFrom: without a variable that names a proxy there is none to ask.
func TestProxyFrom(t *testing.T) {
	for name, want := range map[string]bool{"HTTP_PROXY": true, "https_proxy": true, "NO_PROXY": false, "OTHER": false} {
		got := ProxyFrom(func(asked string) string { return map[string]string{name: "http://p"}[asked] })
		if (got != nil) != want {
			t.Errorf("%s: %t", name, got != nil)
		}
	}
}

func TestProxy(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", MaxVersion)
		if r.Header.Get("Upgrade") == "" {
			io.WriteString(w, "OK")
			return
		}
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		io.Copy(conn, in)
	}))
	defer daemon.Close()
	for _, row := range []struct {
		name     string
		env      map[string]string
		connects bool
		asked    string // what the proxy sees of a ping and an attach
		attached bool
	}{
		{"http", map[string]string{"HTTP_PROXY": "PROXY"}, true,
			"HEAD far.example:2375 ,HEAD far.example:2375 ,CONNECT far.example:2375 ", true},
		{"lower case, with a password", map[string]string{"http_proxy": "me:secret@PROXY"}, true,
			"HEAD far.example:2375 Basic bWU6c2VjcmV0,HEAD far.example:2375 Basic bWU6c2VjcmV0,CONNECT far.example:2375 Basic " +
				"bWU6c2VjcmV0", true},
		{"no streams", map[string]string{"HTTP_PROXY": "PROXY"}, false,
			"HEAD far.example:2375 ,HEAD far.example:2375 ,CONNECT far.example:2375 ", false},
		{"another scheme's", map[string]string{"HTTPS_PROXY": "PROXY"}, true, "", false},
		{"not for this host", map[string]string{"HTTP_PROXY": "PROXY", "NO_PROXY": "far.example"}, true, "", false},
	} {
		p := &proxy{to: daemon.Listener.Addr().String(), connects: row.connects}
		server := httptest.NewServer(p)
		address := server.Listener.Addr().String()
		c, err := New(Options{Host: "tcp://far.example:2375", UserAgent: "test", Proxy: environment(row.env, address)})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if row.asked == "" {
			// Nothing is to leave this host: the name does not exist, and a context that has ended asks nobody.
			ended, cancel := context.WithCancel(ctx)
			cancel()
			ctx = ended
		}
		_, pinged := c.Ping(ctx)
		conn, attachErr := c.ContainerAttach(ctx, "c", Attach{Stdin: true, Stdout: true})
		if (attachErr == nil) != row.attached || (pinged == nil) != (row.asked != "") {
			t.Errorf("%s: ping %v, attach %v", row.name, pinged, attachErr)
		}
		if attachErr == nil {
			io.WriteString(conn, "hello\n")
			if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
				t.Errorf("%s: %q, %v", row.name, line, err)
			}
			conn.Close()
		}
		c.Close()
		server.Close()
		if got := strings.Join(p.asked, ","); got != row.asked {
			t.Errorf("%s: the proxy was asked %q, want %q", row.name, got, row.asked)
		}
	}
}

// A daemon on this host is never looked for behind a proxy.
func TestProxyNotForLoopback(t *testing.T) {
	for _, host := range []string{"tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1"} {
		c, err := New(Options{Host: host, Proxy: ProxyFrom(func(string) string { return "127.0.0.1:9" })})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ping(context.Background()); err == nil || strings.Contains(err.Error(), "proxy") {
			t.Errorf("%s: %v", host, err)
		}
	}
}
