package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// What a webhook may cost: alerts that wait for it, one reply, and how often it is tried again, with pauses that double.
const (
	maxWaiting = 256
	replyTime  = 10 * time.Second
	maxTries   = 12
	firstPause = time.Second
	maxPause   = 5 * time.Minute
)

// Message is what a webhook is sent, as JSON by POST. Text alone says all, as chats expect.
type Message struct {
	ID        string     `json:"id"`     // the same for the begin and the end of an alert, and when it is sent again
	Status    string     `json:"status"` // firing, recovered
	Rule      string     `json:"rule"`
	Host      string     `json:"host"`
	Container string     `json:"container,omitempty"`
	Since     time.Time  `json:"since"`
	Ended     *time.Time `json:"ended,omitempty"`
	Value     float64    `json:"value"`
	Text      string     `json:"text"`
}

func message(a Alert) Message {
	m := Message{ID: fmt.Sprintf("%s/%s/%s/%d", a.Host, a.Name, a.Rule, a.Since.UnixNano()), Status: "firing",
		Rule: a.Rule, Host: a.Host, Container: a.Name, Since: a.Since, Value: a.Value, Text: a.Host + ": " + a.Text}
	if !a.Ended.IsZero() {
		m.Status, m.Ended, m.Text = "recovered", &a.Ended, "recovered: "+m.Text
	}
	return m
}

// Sender tells webhooks of alerts, each in its own time. Nobody waits for it.
type Sender struct {
	hooks []*hook
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// hook is one address, and what waits for it.
type hook struct {
	url    string
	client *http.Client
	log    *slog.Logger
	pause  time.Duration
	mu     sync.Mutex
	queue  []Message
	wake   chan struct{}
}

// NewSender begins to send. A client that follows redirects or not, with a proxy or not, is the caller's.
func NewSender(urls []string, client *http.Client, log *slog.Logger) *Sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sender{stop: cancel}
	for _, u := range urls {
		h := &hook{url: u, client: client, log: log, pause: firstPause, wake: make(chan struct{}, 1)}
		s.hooks = append(s.hooks, h)
		s.work.Go(func() { h.run(ctx) })
	}
	return s
}

// Send hands alerts over. When too many wait, the oldest go.
func (s *Sender) Send(alerts []Alert) {
	for _, h := range s.hooks {
		h.mu.Lock()
		for _, a := range alerts {
			h.queue = append(h.queue, message(a))
		}
		if n := len(h.queue) - maxWaiting; n > 0 {
			h.log.Warn("alerts are lost: a webhook is too slow", "webhook", h.name(), "alerts", n)
			h.queue = append([]Message(nil), h.queue[n:]...)
		}
		h.mu.Unlock()
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// Close ends it. What waits is not sent.
func (s *Sender) Close() {
	s.stop()
	s.work.Wait()
}

// name is the address for the log, without what may be secret in it.
func (h *hook) name() string {
	if u, err := url.Parse(h.url); err == nil {
		return u.Scheme + "://" + u.Host
	}
	return "?"
}

func (h *hook) next() (m Message, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return m, false
	}
	m, h.queue = h.queue[0], h.queue[1:]
	return m, true
}

func (h *hook) run(ctx context.Context) {
	for {
		m, ok := h.next()
		if ok {
			h.deliver(ctx, m)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
	}
}

// deliver sends one message, again and again while that may help.
func (h *hook) deliver(ctx context.Context, m Message) {
	pause := h.pause
	for try := 1; ctx.Err() == nil; try++ {
		again, err := h.post(ctx, m)
		if err == nil {
			return
		}
		if !again || try == maxTries || ctx.Err() != nil {
			h.log.Warn("an alert is lost", "webhook", h.name(), "alert", m.ID, "tries", try, "error", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// post sends it once. again tells whether another time may help.
func (h *hook) post(ctx context.Context, m Message) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, &body)
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := h.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return true, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests ||
		res.StatusCode == http.StatusRequestTimeout
	return again, fmt.Errorf("the reply is %s", res.Status)
}
