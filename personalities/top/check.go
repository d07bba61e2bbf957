package top

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"box/engine/stats/sample"
	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
	"box/personalities/top/rules"
	"box/personalities/top/screen"
)

// rulesOf reads the file of --rules.
func (o *options) rulesOf() (rules.Rules, error) {
	if o.Rules == "" {
		return rules.Default(), nil
	}
	f, err := os.Open(o.Rules)
	if err != nil {
		return rules.Rules{}, err
	}
	defer f.Close()
	return rules.Parse(o.Rules, f)
}

// printCheck prints what is wrong, a line each. The exit code is 2 if something is.
func (o *options) printCheck(ctx context.Context, env *cmd.Env, all []*hosts.Host) error {
	limits, err := o.rulesOf()
	if err != nil {
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("box top: %w", err)}
	}
	late, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	states := hosts.Once(late, all)
	if ctx.Err() != nil {
		return &cmd.Exit{Code: 130}
	}
	var views []rules.View
	byName := map[string]*hosts.Host{}
	for i, s := range states {
		byName[s.Name] = all[i]
		views = append(views, screen.View(s))
	}
	wrong := limits.Once(views, time.Now(), func(host, series string, from, to time.Time) sample.History {
		h, err := byName[host].History(late, series, from, to, 300)
		if err != nil {
			return sample.History{} // what is so now is told then
		}
		return h
	})
	if err := o.printAlerts(env.Stdout, wrong); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return &cmd.Exit{Code: 2}
	}
	return nil
}

func (o *options) printAlerts(w io.Writer, wrong []rules.Alert) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, a := range wrong {
		var err error
		if o.JSON {
			err = e.Encode(a)
		} else {
			_, err = fmt.Fprintf(w, "%s: %s (%s)\n", listing.Clean(a.Host), listing.Clean(a.Text), a.Rule)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
