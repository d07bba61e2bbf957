package dockerd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"box/engine"
	"box/personalities/top/metrics"
)

// metricsServer serves GET /metrics on an address of its own, without TLS, as Docker does.
type metricsServer struct {
	l       net.Listener // nil: there is none
	serving sync.WaitGroup
	http    http.Server
}

// listenMetrics opens the address of --metrics-addr.
func listenMetrics(address string) (*metricsServer, error) {
	m := &metricsServer{}
	if address == "" {
		return m, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics-addr: %w", err)
	}
	m.l = l
	return m, nil
}

// serve begins to serve.
func (m *metricsServer) serve(e *engine.Engine) {
	if m.l == nil {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { writeMetrics(w, r, e) })
	m.http = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 3 * time.Minute,
		WriteTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	m.serving.Go(func() { _ = m.http.Serve(m.l) }) // until it is closed
}

// close ends it.
func (m *metricsServer) close() {
	if m.l != nil {
		m.l.Close()
		_ = m.http.Close()
		m.serving.Wait()
	}
}

// writeMetrics measures and writes what is measured.
func writeMetrics(w http.ResponseWriter, r *http.Request, e *engine.Engine) {
	sets, stop := e.Monitor().Glance()
	defer stop()
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	select {
	case <-ctx.Done():
		http.Error(w, "nothing could be measured", http.StatusServiceUnavailable)
	case set := <-sets:
		w.Header().Set("Content-Type", metrics.ContentType)
		if metrics.Write(w, metrics.Host{Set: set}) == nil {
			_ = metrics.WriteProcess(w)
		}
	}
}
