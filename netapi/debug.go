package netapi

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/gorilla/mux"

	"box/netapi/wire"
)

// debug returns a handler for a page about the process. It answers only on the unix socket of a daemon with -D, because
// the memory may contain secrets.
func (s *Server) debug(page func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.logRequest(r)
		if !local(r) || !s.e.Debug() {
			_ = wire.WriteError(w, http.StatusNotFound, "page not found", false)
			return
		}
		// plugins decide about these requests, too
		err := s.authorized(w, r, &route{method: http.MethodGet, path: r.URL.Path}, page)
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// vars writes the variables of package expvar in its format.
func vars(w http.ResponseWriter, _ *http.Request) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return writeJSON(w, http.StatusOK, map[string]any{"cmdline": os.Args, "memstats": &m})
}

// profiles writes pages of package net/http/pprof in the text format that `go tool pprof` reads. CPU profiles are not
// supported, because runtime/pprof would add 185 KB.
func profiles(w http.ResponseWriter, r *http.Request) error {
	out := bufio.NewWriter(w)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch name := mux.Vars(r)["name"]; name {
	case "":
		fmt.Fprintln(out, "cmdline\ngoroutine\ngoroutine?debug=2\nheap\nheap?gc=1\nthreadcreate")
	case "cmdline":
		out.WriteString(strings.Join(os.Args, "\x00"))
	case "goroutine":
		if r.FormValue("debug") == "2" {
			_, err := w.Write(stacks())
			return err
		}
		counts(out, "goroutine", runtime.GoroutineProfile)
	case "threadcreate":
		counts(out, name, runtime.ThreadCreateProfile)
	case "heap", "allocs":
		if flag(r, "gc") {
			runtime.GC()
		}
		heap(out)
	case "profile", "trace":
		return fmt.Errorf("%s profiles are not supported: use perf record -g -p %d: %w", name, os.Getpid(),
			errdefs.ErrNotImplemented)
	default:
		return fmt.Errorf("unknown profile %q: %w", name, errdefs.ErrNotFound)
	}
	return out.Flush()
}

// maxStacks is the maximum size of a dump of stacks, in bytes.
const maxStacks = 16 << 20

func stacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxStacks {
			return b[:n]
		}
	}
}

// counts writes a profile of stacks and how often each occurs.
func counts(out *bufio.Writer, name string, read func([]runtime.StackRecord) (int, bool)) {
	var list []runtime.StackRecord
	n, ok := read(nil)
	for !ok {
		list = make([]runtime.StackRecord, n+16) // there may be more meanwhile
		n, ok = read(list)
	}
	times := map[[32]uintptr]int{}
	for _, r := range list[:n] {
		times[r.Stack0]++
	}
	fmt.Fprintf(out, "%s profile: total %d\n", name, n)
	for stack, count := range times {
		fmt.Fprintf(out, "%d @", count)
		frames(out, (&runtime.StackRecord{Stack0: stack}).Stack())
	}
}

// heap writes the heap profile: a sample for every MemProfileRate bytes allocated.
func heap(out *bufio.Writer) {
	var list []runtime.MemProfileRecord
	n, ok := runtime.MemProfile(nil, true)
	for !ok {
		list = make([]runtime.MemProfileRecord, n+64)
		n, ok = runtime.MemProfile(list, true)
	}
	var all runtime.MemProfileRecord
	for i := range list[:n] {
		r := &list[i]
		all.AllocBytes, all.AllocObjects = all.AllocBytes+r.AllocBytes, all.AllocObjects+r.AllocObjects
		all.FreeBytes, all.FreeObjects = all.FreeBytes+r.FreeBytes, all.FreeObjects+r.FreeObjects
	}
	sums := func(r *runtime.MemProfileRecord) {
		fmt.Fprintf(out, "%d: %d [%d: %d] @", r.InUseObjects(), r.InUseBytes(), r.AllocObjects, r.AllocBytes)
	}
	out.WriteString("heap profile: ")
	sums(&all)
	fmt.Fprintf(out, " heap/%d\n", 2*runtime.MemProfileRate)
	for i := range list[:n] {
		sums(&list[i])
		frames(out, list[i].Stack())
	}
}

// frames writes the addresses of a stack and, for people, their functions and lines.
func frames(out *bufio.Writer, stack []uintptr) {
	for _, pc := range stack {
		fmt.Fprintf(out, " %#x", pc)
	}
	out.WriteByte('\n')
	for all := runtime.CallersFrames(stack); len(stack) > 0; {
		f, more := all.Next()
		fmt.Fprintf(out, "#\t%#x\t%s\t%s:%d\n", f.PC, f.Function, f.File, f.Line)
		if !more {
			break
		}
	}
	out.WriteByte('\n')
}
