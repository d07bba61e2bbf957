package screen

import "github.com/gdamore/tcell/v2"

// named are the keys that are no characters.
var named = map[tcell.Key]string{
	tcell.KeyUp: "up", tcell.KeyDown: "down", tcell.KeyLeft: "left", tcell.KeyRight: "right", tcell.KeyPgUp: "pgup",
	tcell.KeyPgDn: "pgdn", tcell.KeyHome: "home", tcell.KeyEnd: "end", tcell.KeyEnter: "enter", tcell.KeyEsc: "esc",
	tcell.KeyTab: "tab", tcell.KeyBacktab: "backtab", tcell.KeyBackspace: "backspace", tcell.KeyBackspace2: "backspace",
	tcell.KeyDelete: "D", tcell.KeyCtrlC: "ctrl-c", tcell.KeyCtrlU: "ctrl-u", tcell.KeyF1: "?",
}

// keyNames are the names of a key for the model: a word, or the character. Escape and a key that follow each other
// closely come as one with Alt.
func keyNames(ev *tcell.EventKey) (names []string) {
	if ev.Modifiers()&tcell.ModAlt != 0 {
		names = append(names, "esc")
	}
	if ev.Key() == tcell.KeyRune {
		return append(names, string(ev.Rune()))
	}
	if name := named[ev.Key()]; name != "" {
		return append(names, name)
	}
	return names
}
