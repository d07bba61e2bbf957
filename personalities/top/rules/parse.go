package rules

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a file may have.
const (
	maxFile  = 1 << 20
	maxRules = 1000
)

// Parse reads a file. The error has a line for each that is wrong, with the name of the file and its number.
func Parse(name string, r io.Reader) (Rules, error) {
	var all Rules
	var wrong []error
	lines := bufio.NewScanner(io.LimitReader(r, maxFile+1))
	lines.Buffer(nil, maxFile+2)
	size := 0
	for n := 1; lines.Scan(); n++ {
		size += len(lines.Bytes()) + 1
		if err := all.line(lines.Text()); err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, n, err))
		}
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
	}
	if size > maxFile || len(all.Rules) > maxRules || len(all.Webhooks) > maxRules {
		wrong = append(wrong, fmt.Errorf("%s: more than %d rules or %d bytes", name, maxRules, maxFile))
	}
	return all, errors.Join(wrong...)
}

// line takes a line.
func (all *Rules) line(text string) error {
	words := fields(text)
	if len(words) == 0 {
		return nil
	}
	if words[0] == "webhook" {
		return all.webhook(words[1:])
	}
	r, err := parseRule(words)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all.Rules, func(o Rule) bool { return o.String() == r.String() }) {
		return fmt.Errorf("%q is there already", r)
	}
	all.Rules = append(all.Rules, r)
	return nil
}

// fields are the words of a line without its comment. A percent sign belongs to the number before it, and ">" needs no
// spaces.
func fields(text string) []string {
	words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(text, ">", " > "), "%", "% "))
	for i, w := range words {
		if strings.HasPrefix(w, "#") {
			words = words[:i]
			break
		}
	}
	for i := len(words) - 1; i > 0; i-- {
		if words[i] == "%" {
			words[i-1] += "%"
			words = slices.Delete(words, i, i+1)
		}
	}
	return words
}

func (all *Rules) webhook(words []string) error {
	if len(words) != 1 {
		return errors.New("webhook: one address is needed")
	}
	u, err := url.Parse(words[0])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("webhook: %q is no address that begins with http:// or https://", words[0])
	}
	if slices.Contains(all.Webhooks, words[0]) {
		return fmt.Errorf("webhook: %q is there already", words[0])
	}
	all.Webhooks = append(all.Webhooks, words[0])
	return nil
}

func parseRule(words []string) (r Rule, err error) {
	for n := min(2, len(words)); n > 0 && r.Kind == ""; n-- { // the longer name first: disk full, disk
		if k := Kind(strings.Join(words[:n], " ")); known(k) {
			r.Kind, words = k, words[n:]
		}
	}
	if r.Kind == "" {
		return r, fmt.Errorf("%q is no rule; there are: %s, webhook", words[0], names())
	}
	s := shapes[r.Kind]
	if s.percent || s.number {
		if words, err = r.limit(words, s); err != nil {
			return r, err
		}
	}
	seen := map[string]bool{}
	for len(words) > 0 {
		word := words[0]
		switch {
		case seen[word]:
			return r, fmt.Errorf("%s: there are two of it", word)
		case len(words) < 2 && (slices.Contains([]string{"for", "within", "on", "not", "at"}, word)):
			return r, fmt.Errorf("%s: what follows is missing", word)
		}
		switch seen[word] = true; {
		case word == "for":
			r.For, err = duration(words[1])
		case word == "within" && s.within:
			r.Within, err = duration(words[1])
		case word == "on" && s.container:
			r.On, err = patterns(words[1])
		case word == "not" && s.container:
			r.Not, err = patterns(words[1])
		case word == "at":
			r.At, err = patterns(words[1])
		default:
			return r, fmt.Errorf("%s: %q does not belong there", r.Kind, word)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", word, err)
		}
		words = words[2:]
	}
	if s.within && r.Within == 0 {
		return r, fmt.Errorf("%s: within what time? for example: %s within 24h", r.Kind, r.Kind)
	}
	return r, nil
}

func known(k Kind) bool {
	_, ok := shapes[k]
	return ok
}

// names lists the kinds.
func names() string {
	var all []string
	for k := range maps.Keys(shapes) {
		all = append(all, string(k))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// limit takes "> 90%", or "> 3" with "an hour" behind it.
func (r *Rule) limit(words []string, s shape) ([]string, error) {
	example := fmt.Sprintf("for example: %s > 90%%", r.Kind)
	if s.number {
		example = fmt.Sprintf("for example: %s > 3", r.Kind)
	}
	if len(words) < 2 || words[0] != ">" && words[0] != "over" {
		return nil, fmt.Errorf("%s: over what? %s", r.Kind, example)
	}
	text, percent := strings.CutSuffix(words[1], "%")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || percent != s.percent || v < 0 || v > 1e9 || math.IsNaN(v) {
		return nil, fmt.Errorf("%s: %q is no limit; %s", r.Kind, words[1], example)
	}
	if r.Over = v; percent {
		r.Over = v / 100
	}
	words = words[2:]
	if s.number && len(words) >= 2 && words[0] == "an" && words[1] == "hour" {
		words = words[2:]
	}
	return words, nil
}

func patterns(text string) ([]string, error) {
	all := strings.Split(text, ",")
	for _, p := range all {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return nil, fmt.Errorf("%q is no pattern of names", p)
		}
	}
	return all, nil
}

// units are those of durations, the longest first.
var units = []struct {
	name string
	long time.Duration
}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// duration reads 90s, 5m, 24h, 14d, 2w, and what Go writes.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	for _, u := range units[:2] {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			var v float64
			v, err = strconv.ParseFloat(n, 64)
			d = time.Duration(v * float64(u.long))
			if v > 1000 || v < 0 || math.IsNaN(v) {
				err = strconv.ErrRange
			}
		}
	}
	if err != nil || d <= 0 || d > 1000*24*time.Hour {
		return 0, fmt.Errorf("%q is no duration, as 90s, 5m, 24h or 14d are", text)
	}
	return d, nil
}
