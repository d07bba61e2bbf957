package screen

import "github.com/gdamore/tcell/v2"

// help is the page of all keys.
type help struct{ pager pager }

// helpLines are the keys and what they do.
func helpLines() [][2]string {
	return [][2]string{
		{"Pages", ""},
		{"1", "containers of all hosts, or of one"}, {"2 3 4", "images, volumes, networks"},
		{"5", "disk: what takes space, what grows, when it is full"}, {"6", "events of the last day, and as they come"},
		{"h H", "next host, host before: all, or one alone"}, {"esc q", "back; q on the first page leaves"},
		{"ctrl-z", "back to the shell until fg"},
		{"", ""},
		{"List of containers", ""},
		{"enter", "open the container: graphs, processes, log, events, details"}, {"l", "its log"},
		{"/", "filter by words in name, image, state, ports, project, host"},
		{"< >", "sort by another column; a click on its title does it, too"}, {"i", "sort the other way round"},
		{"space F", "fold or unfold a compose project, or all"}, {"g", "group by compose projects, or not"},
		{"x", "hide containers that do not run"},
		{"", ""},
		{"Actions, on the list and in a container", ""},
		{"a", "menu of what can be done"}, {"s", "start or stop"}, {"r", "restart"}, {"K", "kill"},
		{"p", "pause or unpause"}, {"e", "a shell in the container; exit returns"}, {"u", "change limits"}, {"D", "remove"},
		{"", ""},
		{"In a container", ""},
		{"tab ← →", "next or previous tab"}, {"+ -", "zoom of the graphs: from 10 minutes to a year"},
		{"/ n N", "find in the log, next, before"}, {"f end", "follow the log again"},
		{"x", "events: show or hide programs that were executed, too"},
		{"", ""},
		{"What stands where", ""},
		{"%LIM", "memory in use, of the limit"}, {"THRT", "share of the time in which its CPU limit held it back"},
		{"R/h", "restarts by its policy in the last hour"},
		{"PSI", "pressure: share of the last 10 s in which something had to wait"},
		{"DISK", "changed files and log"},
	}
}

func (h *help) title(*Model) string     { return "keys" }
func (h *help) hints(*Model) []hint     { return []hint{{"esc", "back"}} }
func (h *help) wants(*Model) []Request  { return nil }
func (h *help) take(*Model, Answer)     {}
func (h *help) draw(c canvas, _ *Model) { h.fill(); h.pager.draw(c) }
func (h *help) key(m *Model, k string) ([]Request, bool) {
	if k == "/" || k == "n" || k == "f" || !h.pager.key(k) {
		return nil, k == "?"
	}
	return nil, true
}

func (h *help) fill() {
	if len(h.pager.lines) > 0 {
		return
	}
	for _, l := range helpLines() {
		switch {
		case l[1] == "":
			h.pager.lines = append(h.pager.lines, line{l[0], headOr(l[0])})
		default:
			h.pager.add(pad(l[0], 10)+l[1], plain)
		}
	}
}

func headOr(text string) tcell.Style {
	if text == "" {
		return plain
	}
	return head
}

func pad(text string, w int) string {
	for textWidth(text) < w {
		text += " "
	}
	return text
}
