package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"box/engine/stats/sample"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// drawHeads draws what is known of the hosts, and returns how many lines that took.
func (m *Model) drawHeads(c canvas) int {
	if len(m.states) == 1 {
		return m.drawHost(c, m.states[0])
	}
	if m.only >= 0 {
		return m.drawHost(c, m.state(m.only))
	}
	return m.drawHosts(c)
}

// drawHost draws one host over four or five lines.
func (m *Model) drawHost(c canvas, s hosts.State) int {
	y := 0
	if s.Dead {
		m.drawDead(c, s, y)
		y++
	}
	if s.Set == nil {
		if !s.Dead {
			c.put(0, y, c.w, "Connecting to "+s.Address+" …", dim)
			y++
		}
		return y
	}
	h := &s.Set.Host
	w := max(6, min(24, c.w/13))
	m.drawCPU(c, y, w, s)
	m.drawMemory(c, y+1, w, h)
	m.drawDisk(c, y+2, w, s)
	return y + 3 + m.drawProblems(c, y+3, []hosts.State{s})
}

// drawDead says that a host does not answer, since when, why, and what is shown in its place.
func (m *Model) drawDead(c canvas, s hosts.State, y int) {
	text := fmt.Sprintf(" %s does not answer since %s (%s): %s", nameOf(s), s.Since.Local().Format(time.TimeOnly),
		listing.Span(m.now.Sub(s.Since)), s.Err)
	switch {
	case s.Kind == hosts.Groups:
		text = fmt.Sprintf(" No daemon since %s: the control groups are read. %s", s.Since.Local().Format(time.TimeOnly),
			s.Err)
	case s.Set != nil:
		text = fmt.Sprintf(" DEAD since %s (%s), shown as it was: %s", s.Since.Local().Format(time.TimeOnly),
			listing.Span(m.now.Sub(s.Since)), s.Err)
	}
	c.blank(0, y, c.w, bad.Reverse(true))
	c.put(0, y, c.w, text, bad.Reverse(true))
}

// labelled draws the label and the gauge at the beginning of a line, and returns where the rest begins.
func labelled(c canvas, y, w int, label string, share float64, known bool) int {
	c.put(0, y, 5, label, bold)
	if known {
		c.gauge(5, y, w, share, graded(share), dim)
	}
	return 6 + w
}

func (m *Model) drawCPU(c canvas, y, w int, s hosts.State) {
	h := &s.Set.Host
	used := h.Rate.CPU / float64(max(1, h.CPUs))
	known := h.Mode != (sample.CPUModes{})
	x := labelled(c, y, w, "CPU", used, known)
	var list []piece
	add := adder(&list)
	if known {
		add("", share(used, fmt.Sprint(h.CPUs)), plain)
		add("", hottest(h), plain)
		add("load", fmt.Sprintf("%.1f %.1f %.1f", h.Load[0], h.Load[1], h.Load[2]), plain)
	} else {
		sum := 0.0
		for _, c := range s.Set.Containers {
			sum += c.Rate.CPU
		}
		if h.CPUs > 0 {
			add("containers", share(sum, fmt.Sprint(h.CPUs)), plain)
		} else {
			add("containers", listing.Percent(sum), plain)
		}
	}
	if p := h.Pressure; p != nil {
		list = append(list, piece{"  PSI", dim})
		for i, q := range []struct {
			label string
			value float64
		}{{" cpu ", p.CPU.SomePercent}, {" mem ", p.Memory.SomePercent}, {" io ", p.IO.SomePercent}} {
			style := plain
			if q.value >= 20 && i > 0 {
				style = warn
			}
			list = append(list, piece{q.label, dim}, piece{listing.Percent(q.value / 100), style})
		}
	}
	if known {
		add("wait", listing.Percent(h.Rate.IOWait/float64(max(1, h.CPUs))), plain)
	}
	c.pieces(x, y, list...)
}

// adder returns a function that adds a label and a value, if there is one.
func adder(list *[]piece) func(label, text string, style tcell.Style) {
	return func(label, text string, style tcell.Style) {
		switch {
		case text == "":
			return
		case len(*list) > 0:
			*list = append(*list, piece{"  ", plain})
		}
		if label != "" {
			*list = append(*list, piece{label + " ", dim})
		}
		*list = append(*list, piece{text, style})
	}
}

// share formats a share of a whole: " 61% of 4".
func share(of float64, whole string) string {
	return fmt.Sprintf("%4s of %s", listing.Percent(of), whole)
}

func hottest(h *sample.Host) string {
	most := ""
	top := 0.0
	for _, t := range h.Heat {
		if most == "" || t.Celsius > top {
			top, most = t.Celsius, fmt.Sprintf("%.0f°C", t.Celsius)
		}
	}
	return most
}

func (m *Model) drawMemory(c canvas, y, w int, h *sample.Host) {
	used := memoryShare(h)
	x := labelled(c, y, w, "Mem", used, h.Memory.Available > 0)
	var list []piece
	add := adder(&list)
	if h.Memory.Available > 0 {
		add("", share(used, listing.Size(float64(h.Memory.Total))), plain)
		if c.w >= 100 {
			add("free", listing.Size(float64(h.Memory.Available)), plain)
		}
	} else if h.Memory.Total > 0 {
		add("", listing.Size(float64(h.Memory.Total))+" in all", plain)
	}
	if h.Memory.SwapTotal > 0 {
		add("swap", listing.Size(float64(h.Memory.SwapTotal-h.Memory.SwapFree)), plain)
	}
	if h.Daemon.Memory > 0 {
		add("daemon", listing.Size(float64(h.Daemon.Memory)), plain)
	}
	if h.Memory.OOMKills > 0 {
		add("OOM", fmt.Sprint(h.Memory.OOMKills), warn)
	}
	add("net", "↓"+listing.Size(h.Rate.Rx)+" ↑"+listing.Size(h.Rate.Tx), plain)
	add("io", "r"+listing.Size(h.Rate.Read)+" w"+listing.Size(h.Rate.Written), plain)
	c.pieces(x, y, list...)
}

func (m *Model) drawDisk(c canvas, y, w int, s hosts.State) {
	h := &s.Set.Host
	f := dataFiles(h)
	used := 0.0
	if f != nil && f.Total > 0 {
		used = 1 - float64(f.Available)/float64(f.Total)
	}
	x := labelled(c, y, w, "Disk", used, f != nil)
	var list []piece
	add := adder(&list)
	if f != nil {
		add("", share(used, listing.Size(float64(f.Total))), plain)
		add("free", listing.Size(float64(f.Available)), graded(used))
		if f.Inodes > 0 {
			add("inodes", listing.Percent(float64(f.FreeInodes)/float64(f.Inodes)), plain)
		}
		d, fills := untilFull(f)
		if fills {
			style := plain
			if d < 7*24*time.Hour {
				style = bad
			}
			add("full in", listing.Span(d), style)
		}
		if f.Growth >= 1 && (c.w >= 100 || !fills) {
			add("", "+"+listing.Size(f.Growth*60)+"/min", plain)
		}
	}
	if r, g := m.fastest(s); g >= 1 {
		add("most", r.Name+" +"+listing.Size(g*60), warn)
	}
	if h.Daemon.ImageBytes > 0 && c.w >= 110 {
		add("images", listing.Size(float64(h.Daemon.ImageBytes)), plain)
	}
	c.pieces(x, y, list...)
}

// fastest returns the container whose files grow fastest.
func (m *Model) fastest(s hosts.State) (row listing.Row, growth float64) {
	for i := range s.Set.Containers {
		c := &s.Set.Containers[i]
		if t := m.trends[key{s.Name, c.ID}]; t != nil && t.growth() > growth {
			row, growth = listing.Row{Host: s.Name, Container: c}, t.growth()
		}
	}
	return row, growth
}

// drawProblems draws what is wrong, over as many lines as that needs: at most two, or more where there is room.
func (m *Model) drawProblems(c canvas, y int, states []hosts.State) int {
	var list problems
	for _, s := range states {
		for _, p := range m.problems(s) {
			if len(states) > 1 {
				p.text = elided(nameOf(s), 16) + ": " + p.text
			}
			list = append(list, p)
		}
	}
	most := 2
	if c.h > 40 {
		most = 4
	}
	lines, x := 0, 0
	for i, p := range list {
		style, text := warn, p.text
		if p.grave {
			style = bad
		}
		room := c.w
		if lines == most-1 && i < len(list)-1 {
			room -= 4 // for the number of those that follow
		}
		if x > 0 && x+3+textWidth(text) > room {
			if lines++; lines == most {
				c.put(x, y+lines-1, c.w-x, fmt.Sprintf(" +%d", len(list)-i), bold)
				return lines
			}
			x = 0
		}
		if x == 0 {
			c.put(0, y+lines, 2, "!", bad)
			x = 2
		} else {
			x += c.put(x, y+lines, c.w-x, " · ", dim)
		}
		x += c.put(x, y+lines, c.w-x, text, style)
	}
	if x > 0 {
		lines++
	}
	return lines
}

// hostColumns are the places of the table of hosts: name, state, CPU, memory, disk, containers, uptime, certificate.
func hostColumns(w int) (name, gauge int) {
	gauge = max(4, min(16, (w-68)/3))
	return max(10, min(28, w-51-3*gauge)), gauge
}

// drawHosts draws a line for each host, and what is wrong with any.
func (m *Model) drawHosts(c canvas) int {
	name, gauge := hostColumns(c.w)
	c.blank(0, 0, c.w, head)
	x := name + 1
	c.put(0, 0, name, "HOST", head)
	for _, t := range []string{"CPU", "MEM", "DISK"} {
		c.put(x, 0, 5, t, head)
		x += gauge + 6
	}
	c.put(x, 0, c.w-x, "RUN    R/h UPTIME  CERT DAEMON", head)
	most := max(2, c.h/3)
	y := 1
	for i, s := range m.states {
		if y > most {
			c.put(0, y, c.w, fmt.Sprintf("and %d hosts more: h shows each", len(m.states)-i), dim)
			y++
			break
		}
		m.drawHostLine(c, y, name, gauge, s)
		y++
	}
	return y + m.drawProblems(c, y, m.states)
}

func (m *Model) drawHostLine(c canvas, y, name, gauge int, s hosts.State) {
	style := bold
	if s.Dead {
		style = bad
	}
	c.put(0, y, name, elided(nameOf(s), name), style)
	x := name + 1
	switch {
	case s.Dead:
		text := fmt.Sprintf("dead since %s (%s): %s", s.Since.Local().Format(time.TimeOnly), listing.Span(m.now.Sub(s.Since)),
			s.Err)
		c.put(x, y, c.w-x, text, bad)
		return
	case s.Set == nil:
		c.put(x, y, c.w-x, "connecting …", dim)
		return
	}
	h := &s.Set.Host
	measured := h.Mode != (sample.CPUModes{})
	f := dataFiles(h)
	disk := 0.0
	if f != nil && f.Total > 0 {
		disk = 1 - float64(f.Available)/float64(f.Total)
	}
	for _, g := range []struct {
		share float64
		known bool
	}{{h.Rate.CPU / float64(max(1, h.CPUs)), measured}, {memoryShare(h), h.Memory.Available > 0}, {disk, f != nil}} {
		if g.known {
			c.gauge(x, y, gauge, g.share, graded(g.share), dim)
			c.cell(x+gauge+1, y, 4, listing.Percent(g.share), true, plain)
		} else {
			c.cell(x+gauge+1, y, 4, "-", true, dim)
		}
		x += gauge + 6
	}
	c.put(x, y, c.w-x, hostFacts(s), plain)
}

// hostFacts are the last columns of a host's line.
func hostFacts(s hosts.State) string {
	h := &s.Set.Host
	up, restarts := 0, 0
	for i := range s.Set.Containers {
		c := &s.Set.Containers[i]
		restarts += c.RestartsHour
		if (listing.Row{Container: c}).Live() {
			up++
		}
	}
	uptime, cert := "-", "-"
	if !h.Booted.IsZero() {
		uptime = listing.Span(s.Set.At.Sub(h.Booted))
	}
	if !h.CertEnds.IsZero() {
		cert = listing.Span(h.CertEnds.Sub(s.Set.At))
	}
	text := fmt.Sprintf("%-6s %3d %6s %5s %s %s", fmt.Sprintf("%d/%d", up, len(s.Set.Containers)), restarts, uptime, cert,
		s.Kind, h.Version)
	return strings.TrimRight(text, " ")
}
