package logs

import (
	"bytes"
	"os"
	"slices"
	"syscall"
	"time"
)

// State is what a log holds in memory, for handing it over to another process.
type State struct {
	Ends   [2]End `json:",omitempty"` // by stream
	Queue  []byte `json:",omitempty"` // lines as records of the driver local
	Unsent []byte `json:",omitempty"` // rest of a message to a server
}

// End is the unfinished line of one stream.
type End struct {
	Text  []byte    `json:",omitempty"`
	Parts int       `json:",omitempty"`
	ID    string    `json:",omitempty"`
	At    time.Time `json:",omitzero"`
}

// State returns the log's state and the connection to its server, nil for none. It is only complete if nothing is
// written meanwhile.
func (l *Logger) State() (s State, conn syscall.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range l.ends {
		s.Ends[i] = End{Text: bytes.Clone(e.text), Parts: e.parts, ID: e.id, At: e.at}
	}
	s.Queue = slices.Concat(l.queue.first, l.queue.rest)
	if l.target != nil {
		conn, s.Unsent = l.target.State()
	}
	return s, conn
}

// Restore gives a log opened with Late the state from another process; conn is nil for none.
func (l *Logger) Restore(s State, conn *os.File) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range s.Ends {
		l.ends[i] = ending{text: e.Text, parts: e.Parts, id: e.ID, at: e.At}
	}
	l.queue.first = s.Queue
	switch {
	case conn == nil:
		return nil
	case l.target == nil:
		return conn.Close()
	}
	return l.target.Adopt(conn, s.Unsent)
}
