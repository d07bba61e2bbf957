package ps

import (
	"slices"
	"strconv"
	"strings"
)

// options are the parsed options.
type options struct {
	columns []column
	order   []order
	threads bool
}

// parser parses the arguments of ps, in the styles of UNIX (-ef), BSD (aux) and GNU (--sort).
type parser struct {
	known map[string]column
	words []string

	list  []column      // of -o
	flags map[rune]bool // letters after a dash
	old   map[rune]bool // letters of BSD
	bsd   bool
	out   options
}

func parse(args string) (*options, error) {
	p := parser{known: columns(), words: strings.Fields(args), flags: map[rune]bool{}, old: map[rune]bool{}}
	if len(p.words) == 0 {
		p.words = []string{"-ef"}
	}
	for len(p.words) > 0 {
		w := p.words[0]
		p.words = p.words[1:]
		var err error
		switch {
		case strings.HasPrefix(w, "--"):
			err = p.gnu(w[2:])
		case w[0] == '-' && len(w) > 1 && !looksBSD(w[1:]):
			err = p.unix(w[1:])
		default:
			err = p.bsdStyle(strings.TrimPrefix(w, "-"))
		}
		if err != nil {
			return nil, err
		}
	}
	p.out.columns = p.list
	if len(p.list) == 0 {
		p.out.columns = p.format()
	}
	return &p.out, nil
}

// looksBSD recognises BSD options that were written with a dash, as many people do.
func looksBSD(w string) bool {
	return strings.HasPrefix(w, "au") && strings.Trim(w, "auxw") == ""
}

// value returns the value of an option: the rest of its word, or the next word.
func (p *parser) value(option, rest string) (string, error) {
	if rest != "" {
		return rest, nil
	}
	if len(p.words) == 0 {
		return "", problem("ps: error: format specification must follow " + option)
	}
	v := p.words[0]
	p.words = p.words[1:]
	return v, nil
}

// unix parses a group of UNIX options.
func (p *parser) unix(w string) error {
	for i := range len(w) {
		c, rest := rune(w[i]), w[i+1:]
		switch {
		case c == 'o':
			v, err := p.value("-o", rest)
			if err != nil {
				return err
			}
			return p.columnsOf(v)
		case strings.ContainsRune("pqCGUugst", c): // lists of what to pick
			if rest == "" && len(p.words) == 0 {
				return problem("ps: error: List of process IDs must follow -" + string(c) + ".")
			}
			_, err := p.value("-"+string(c), rest)
			return err
		case strings.ContainsRune("fFljyLT", c):
			p.flags[c] = true
			p.out.threads = p.out.threads || c == 'L' || c == 'T'
		case strings.ContainsRune("AaedNHwncmVMZP", c):
		default:
			return problem("ps: error: unsupported SysV option")
		}
	}
	return nil
}

// bsdStyle parses a group of BSD options, or numbers of processes.
func (p *parser) bsdStyle(w string) error {
	if strings.Trim(w, "0123456789,") == "" {
		return nil
	}
	p.bsd = true
	for i := range len(w) {
		c, rest := rune(w[i]), w[i+1:]
		switch {
		case c == 'o' || c == 'O':
			v, err := p.value("o", rest)
			if err != nil {
				return err
			}
			return p.columnsOf(v)
		case c == 'k':
			v, err := p.value("k", rest)
			if err != nil {
				return err
			}
			return p.sortBy(v)
		case strings.ContainsRune("pqUt", c):
			_, err := p.value(string(c), rest)
			return err
		case strings.ContainsRune("ulsvj", c):
			p.old[c] = true
		case c == 'H' || c == 'm':
			p.out.threads = true
		case strings.ContainsRune("axefwnrgTSchXL", c):
		default:
			return problem("ps: error: unsupported option (BSD syntax)")
		}
	}
	return nil
}

func (p *parser) gnu(w string) error {
	name, v, given := strings.Cut(w, "=")
	switch {
	case name == "format" || name == "sort":
		if !given {
			var err error
			if v, err = p.value("--"+name, ""); err != nil {
				return err
			}
		}
		if name == "sort" {
			return p.sortBy(v)
		}
		return p.columnsOf(v)
	case slices.Contains([]string{"pid", "ppid", "quick-pid", "user", "User", "group", "Group", "sid", "tty", "cols",
		"columns", "width", "rows", "lines"}, name):
		if !given {
			_, err := p.value("--"+name, "")
			return err
		}
	case slices.Contains([]string{"headers", "deselect", "cumulative", "forest"}, name):
	default:
		return problem("ps: error: unknown gnu long option")
	}
	return nil
}

// columnsOf parses NAME,NAME:WIDTH,NAME=TITLE. A title extends to the end of the word.
func (p *parser) columnsOf(v string) error {
	for v != "" {
		var one string
		if i := strings.IndexAny(v, ",="); i >= 0 && v[i] == '=' {
			one, v = v, ""
		} else {
			one, v, _ = strings.Cut(v, ",")
		}
		name, title, titled := strings.Cut(one, "=")
		name, width, _ := strings.Cut(name, ":")
		c, ok := p.known[name]
		if !ok {
			return problem(`ps: error: unknown user-defined format specifier "` + name + `"`)
		}
		if width != "" {
			n, err := strconv.Atoi(width)
			if err != nil || n < 1 || n > 1<<16 {
				return problem("ps: error: column widths must be unsigned decimal numbers")
			}
			c.width = n
		}
		if titled {
			if strings.HasPrefix(title, "PID") && name != "pid" {
				return problem(`specifying "` + name + "=" + title + `" is not allowed`)
			}
			c.title = title
		}
		p.list = append(p.list, c)
	}
	return nil
}

// sortBy parses [+|-]NAME,...
func (p *parser) sortBy(v string) error {
	for name := range strings.SplitSeq(v, ",") {
		key := strings.TrimLeft(name, "+-")
		c, ok := p.known[key]
		if !ok {
			return problem("ps: error: unknown sort specifier")
		}
		p.out.order = append(p.out.order, order{c, strings.HasPrefix(name, "-")})
	}
	return nil
}

// format returns the columns for the given options.
func (p *parser) format() []column {
	f, old := p.flags, p.old
	var names string
	switch {
	case old['u']:
		names = "user pid pcpu pmem vsz rss tname stat start_time bsdtime args"
	case old['l']:
		names = "f uid pid ppid priority ni vsz rss wchan stat tname bsdtime args"
	case old['j']:
		names = "ppid pid pgid sid tname tpgid stat uid bsdtime args"
	case old['v']:
		names = "pid tname stat bsdtime maj_flt trs drs rss pmem args"
	case old['s']:
		names = "uid pid pending blocked ignored caught stat tname bsdtime args"
	case f['F']:
		names = "user=UID pid ppid c sz rss psr stime tname time cmd"
	case f['l'] && f['f']:
		names = "f s user=UID pid ppid c opri ni addr sz wchan stime tname time cmd"
	case f['l'] && f['y']:
		names = "s uid pid ppid c opri ni rss sz wchan tname time ucmd"
	case f['l']:
		names = "f s uid pid ppid c opri ni addr sz wchan tname time ucmd"
	case f['j'] && f['f']:
		names = "user=UID pid ppid pgid sid c stime tname time cmd"
	case f['j']:
		names = "pid pgid sid tname time ucmd"
	case f['f']:
		names = "user=UID pid ppid c stime tname time cmd"
	case p.bsd:
		names = "pid tname stat bsdtime args"
	default:
		names = "pid tname time ucmd"
	}
	var list []column
	for _, n := range strings.Fields(p.withThreads(names)) {
		name, title, titled := strings.Cut(n, "=")
		c := p.known[name]
		if titled {
			c.title = title
		}
		list = append(list, c)
	}
	return list
}

// withThreads adds the columns of -L and -T.
func (p *parser) withThreads(names string) string {
	switch {
	case p.bsd:
	case p.flags['T']:
		return strings.Replace(names, "pid", "pid spid", 1)
	case p.flags['L'] && strings.Contains(names, "ppid"):
		return strings.Replace(names, " c ", " lwp c nlwp ", 1)
	case p.flags['L']:
		return strings.Replace(names, "pid", "pid lwp", 1)
	}
	return names
}
