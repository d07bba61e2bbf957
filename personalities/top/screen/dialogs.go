package screen

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"box/engine/stats/sample"
	"box/personalities/cmd"
	"box/personalities/top/listing"
)

// frame draws an empty box in the middle, and returns its inside.
func frame(c canvas, w, h int, title string) canvas {
	w, h = min(w+4, c.w), min(h+2, c.h)
	box := c.part((c.w-w)/2, max(0, (c.h-h)/2), w, h)
	for y := range h {
		box.blank(0, y, w, plain)
	}
	line := strings.Repeat("─", max(0, w-2))
	side := "│"
	corners := []string{"┌", "┐", "└", "┘"}
	if !c.unicode() {
		line, side, corners = strings.Repeat("-", max(0, w-2)), "|", []string{"+", "+", "+", "+"}
	}
	box.put(0, 0, w, corners[0]+line+corners[1], plain)
	box.put(0, h-1, w, corners[2]+line+corners[3], plain)
	for y := 1; y < h-1; y++ {
		box.put(0, y, 1, side, plain)
		box.put(w-1, y, 1, side, plain)
	}
	if title != "" {
		box.put(2, 0, w-4, " "+title+" ", bold)
	}
	return box.part(2, 1, w-4, h-2)
}

// question is answered with y, or else it was no.
type question struct {
	text    string
	request Request
}

func (q *question) draw(c canvas) {
	lines := cmd.Wrap(listing.Clean(q.text), min(60, c.w-6))
	in := frame(c, 60, len(lines)+2, "")
	for y, line := range lines {
		in.put(0, y, in.w, line, bold)
	}
	x := in.pieces(0, len(lines)+1, piece{"y", head}, piece{" yes   ", plain})
	in.click(0, len(lines)+1, x, "y", 0)
	end := in.pieces(x, len(lines)+1, piece{"n", head}, piece{" no", plain})
	in.click(x, len(lines)+1, end-x, "n", 0)
}

func (q *question) key(m *Model, k string) []Request {
	m.dialog = nil
	if k == "y" || k == "Y" {
		m.say(false, q.request.Verb+" "+q.request.label()+" …")
		return []Request{q.request}
	}
	return nil
}

// form is one or more fields to type into.
type form struct {
	title  string
	fields []field
	at     int
	err    string
	done   func(values []string) (Request, error)
}

// field is a line of a form.
type field struct{ label, value string }

func (f *form) draw(c canvas) {
	in := frame(c, 60, len(f.fields)+3, f.title)
	for y, fl := range f.fields {
		style := plain
		if y == f.at {
			style = bar
		}
		in.put(0, y, 20, fl.label, plain)
		in.blank(21, y, in.w-21, style)
		end := 21 + in.put(21, y, in.w-22, tailOf(fl.value, in.w-23), style)
		if y == f.at {
			in.s.ShowCursor(in.x+end, in.y+y)
		}
	}
	in.put(0, len(f.fields), in.w, f.err, bad)
	in.put(0, len(f.fields)+2, in.w, "Enter: do it   Tab: next field   Esc: leave", dim)
}

// tailOf returns the end of a text that fits.
func tailOf(text string, w int) string {
	for textWidth(text) > w && text != "" {
		_, n := utf8.DecodeRuneInString(text)
		text = text[n:]
	}
	return text
}

func (f *form) key(m *Model, k string) []Request {
	at := &f.fields[f.at].value
	switch k {
	case "esc":
		m.dialog = nil
	case "tab", "down":
		f.at = (f.at + 1) % len(f.fields)
	case "backtab", "up":
		f.at = (f.at + len(f.fields) - 1) % len(f.fields)
	case "enter":
		var values []string
		for _, fl := range f.fields {
			values = append(values, strings.TrimSpace(fl.value))
		}
		r, err := f.done(values)
		if err != nil {
			f.err = err.Error()
			return nil
		}
		m.dialog = nil
		m.say(false, r.Verb+" "+r.label()+" …")
		return []Request{r}
	default:
		*at = typed(*at, k)
	}
	return nil
}

// maxTyped bounds what is typed.
const maxTyped = 512

// typed returns a text after a key.
func typed(text, k string) string {
	switch {
	case k == "backspace":
		_, n := utf8.DecodeLastRuneInString(text)
		return text[:len(text)-n]
	case k == "ctrl-u":
		return ""
	case utf8.RuneCountInString(k) == 1 && len(text) < maxTyped:
		return text + listing.Clean(k)
	}
	return text
}

// limitsDialog asks for new limits of a container.
func limitsDialog(r Request, c *sample.Container) *form {
	memory, cpus := "", ""
	if c.Memory.Limit > 0 {
		memory = listing.Size(float64(c.Memory.Limit))
	}
	if c.CPU.Limit > 0 {
		cpus = strconv.FormatFloat(c.CPU.Limit, 'g', 4, 64)
	}
	swap := int64(-1)
	if m := &c.Memory; m.SwapLimit > 0 {
		swap = int64(m.SwapLimit - min(m.Limit, m.SwapLimit))
	}
	before := Limits{memory, cpus, c.Policy, swap}
	return &form{title: "Limits of " + c.Name, fields: []field{{"Memory (64M, 1G)", memory}, {"CPUs (0.5, 2)", cpus},
		{"Restart policy", c.Policy}},
		done: func(v []string) (Request, error) {
			l := Limits{v[0], v[1], v[2], swap}
			if l == before {
				return r, fmt.Errorf("nothing was changed")
			}
			for i, was := range []string{before.Memory, before.CPUs, before.Policy} {
				if v[i] == was { // what stays is not sent
					*[]*string{&l.Memory, &l.CPUs, &l.Policy}[i] = ""
				}
			}
			r.Limits = &l
			_, err := l.update()
			return r, err
		}}
}

// menu is what can be done to a container, each with its key.
type menu struct {
	title string
	items []act
	at    int
}

func actsMenu(c *sample.Container) *menu { return &menu{title: c.Name, items: possible(c.State)} }

func (u *menu) draw(c canvas) {
	in := frame(c, 30, len(u.items), u.title)
	for y, a := range u.items {
		style := plain
		if y == u.at {
			style = bar
		}
		in.blank(0, y, in.w, style)
		in.put(1, y, 2, a.key, style.Bold(true))
		in.put(4, y, in.w-4, a.text, style)
		in.click(0, y, in.w, a.key, 0)
	}
}

func (u *menu) key(m *Model, k string) []Request {
	switch k {
	case "up", "backtab":
		u.at = (u.at + len(u.items) - 1) % len(u.items)
	case "down", "tab":
		u.at = (u.at + 1) % len(u.items)
	case "enter":
		m.dialog = nil
		return m.Key(u.items[u.at].key)
	default:
		m.dialog = nil
		for _, a := range u.items {
			if a.key == k {
				return m.Key(k)
			}
		}
	}
	return nil
}
