package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
)

// flat moves the keys of the object proxies to the top level, as Docker does.
func flat(file []pair) (list []pair, err error) {
	for _, p := range file {
		inner, ok := p.value.([]pair)
		if p.key != "proxies" || !ok {
			list = append(list, p)
			continue
		}
		list = append(list, inner...)
	}
	for i, p := range list {
		if slices.ContainsFunc(list[:i], func(q pair) bool { return q.key == p.key }) {
			return nil, fmt.Errorf("%s: the following directive is specified more than once in the configuration file: %s", p.at,
				p.key)
		}
	}
	return list, nil
}

// setting is a key of a configuration file and its option.
type setting struct {
	*cmd.Option
	key   string
	kinds string // accepted JSON types: "list|string"
}

// settings returns all keys from the tags of the fields. A tag is "key" or "key:types"; several are separated by
// commas. Without types, the type of the field decides.
func settings(u *cmd.Usage) []setting {
	var all []setting
	for _, o := range u.Fields() {
		for key := range strings.SplitSeq(o.Tag.Get("key"), ",") {
			if key == "" {
				continue
			}
			key, kinds, ok := strings.Cut(key, ":")
			if !ok {
				kinds = ownKind(o)
			}
			all = append(all, setting{o, key, kinds})
		}
	}
	return all
}

// ownKind returns the JSON type that matches the type of a field.
func ownKind(o *cmd.Option) string {
	t := o.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int:
		return "int"
	case reflect.Slice:
		return "list"
	}
	return "string"
}

// apply stores the values of a configuration file. used tells which flags were given; to set those in the file as well
// is an error.
func apply(u *cmd.Usage, file []pair, used func(name string) bool) error {
	file, err := flat(file)
	if err != nil {
		return err
	}
	all := settings(u)
	byKey := map[string]*setting{}
	for i := range all {
		byKey[all[i].key] = &all[i]
	}
	var unknown, conflicts []string
	var places []string // of what is unknown
	for _, p := range file {
		s := byKey[p.key]
		if s == nil {
			unknown = append(unknown, p.key)
			places = append(places, unknownAt(p, all))
			continue
		}
		if used(s.Name) && p.key != "runtimes" {
			conflicts = append(conflicts, fmt.Sprintf("%s: (from flag: %s, from file: %s)", p.key, hidden(s.said()),
				hidden(printed(p.value))))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("the following directives don't match any configuration option: %s\n%s",
			strings.Join(unknown, ", "), strings.Join(places, "\n"))
	}
	if len(conflicts) > 0 {
		slices.Sort(conflicts)
		return fmt.Errorf("the following directives are specified both as a flag and in the configuration file: %s",
			strings.Join(conflicts, ", "))
	}
	for _, p := range file {
		if err := byKey[p.key].load(p.value); err != nil {
			return fmt.Errorf("%s: %w", p.at, err)
		}
	}
	return nil
}

// unknownAt says where an unknown key is, and which key may be meant.
func unknownAt(p pair, all []setting) string {
	var keys []string
	for _, s := range all {
		keys = append(keys, s.key)
		// Flags and keys often differ in the plural, which is the most common mistake.
		if s.Name == p.key {
			return fmt.Sprintf("%s: %s is the name of the flag: use the key %s", p.at, p.key, s.key)
		}
	}
	if near := cmd.Nearest(p.key, keys); near != "" {
		return fmt.Sprintf("%s: %s: did you mean %s?", p.at, p.key, near)
	}
	return fmt.Sprintf("%s: %s", p.at, p.key)
}

// load stores a value of the configuration file. null counts as not set.
func (s *setting) load(v any) error {
	if v == nil {
		return nil
	}
	if !s.fits(v) {
		return fmt.Errorf("json: cannot unmarshal %s into Go struct field Config.%s of type %s", jsonName(v), s.key,
			s.wanted())
	}
	if _, idle := s.Value().(*unused); idle && s.kinds != "bool" && s.kinds != "string" {
		v = jsonName(v) + " value" // its content does not matter
	}
	texts, err := textsOf(v)
	if err != nil {
		return fmt.Errorf("%s: %w", s.key, err)
	}
	for _, text := range texts {
		if err := s.Set(text); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
	}
	return nil
}

// fits tells whether the key accepts values of the type of v.
func (s *setting) fits(v any) bool {
	got := jsonName(v)
	switch got {
	case "array":
		got = "list"
	case "number":
		if _, err := v.(json.Number).Int64(); err == nil && s.kinds == "int" {
			return true
		}
	}
	return slices.Contains(strings.Split(s.kinds, "|"), got)
}

// wanted returns Go's name of the first accepted type, as in Docker's messages.
func (s *setting) wanted() string {
	switch first, _, _ := strings.Cut(s.kinds, "|"); first {
	case "list":
		return "[]string"
	case "object":
		return "map[string]string"
	default:
		return first
	}
}

// textsOf converts a value to the equivalent values of the flag.
func textsOf(v any) (texts []string, err error) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			text, err := textOf(e)
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
		return texts, nil
	case []pair:
		for _, p := range v {
			text, err := valueOf(p.key, p.value)
			if err != nil {
				return nil, err
			}
			texts = append(texts, p.key+"="+text)
		}
		return texts, nil
	}
	text, err := textOf(v)
	return []string{text}, err
}

// textOf converts an element of a list: {"base": "10.0.0.0/8", "size": 24} is base=10.0.0.0/8,size=24.
func textOf(v any) (string, error) {
	object, ok := v.([]pair)
	if !ok {
		return scalar(v)
	}
	var fields []string
	for _, p := range object {
		text, err := scalar(p.value)
		if err != nil {
			return "", err
		}
		fields = append(fields, strings.ToLower(p.key)+"="+text)
	}
	return strings.Join(fields, ","), nil
}

// valueOf converts the value of a key: {"Name": "nofile", "Soft": 1, "Hard": 2} is 1:2.
func valueOf(key string, v any) (string, error) {
	object, ok := v.([]pair)
	if !ok {
		return scalar(v)
	}
	u := map[string]string{}
	for _, p := range object {
		text, err := scalar(p.value)
		if err != nil {
			return "", err
		}
		u[strings.ToLower(p.key)] = text
	}
	if u["hard"] == "" && u["soft"] == "" {
		return printed(v), nil
	}
	if name := u["name"]; name != "" && name != key {
		return "", fmt.Errorf("%s has the name %s", key, name)
	}
	if u["soft"] == "" {
		u["soft"] = u["hard"]
	}
	if u["hard"] == "" {
		u["hard"] = u["soft"]
	}
	return u["soft"] + ":" + u["hard"], nil
}

func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.Number:
		return v.String(), nil
	}
	return "", fmt.Errorf("json: cannot unmarshal %s into Go value of type string", jsonName(v))
}

// said returns the value that was given by flag, as in Docker's messages.
func (s *setting) said() string {
	switch p := s.Value().(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case **bool:
		return strconv.FormatBool(**p)
	case *int:
		return strconv.Itoa(*p)
	case **int:
		return strconv.Itoa(**p)
	case *[]string:
		if s.kinds == "object" {
			return "map[" + strings.ReplaceAll(strings.Join(*p, " "), "=", ":") + "]"
		}
		return fmt.Sprint(*p)
	case *inverse:
		return strconv.FormatBool(!bool(*p))
	case *labels:
		return fmt.Sprint([]string(*p))
	case *ulimits:
		var list []string
		for _, u := range []*container.Ulimit(*p) {
			list = append(list, u.String())
		}
		return fmt.Sprint(list)
	case *size:
		return strconv.FormatInt(int64(*p), 10)
	case *address:
		return netip.Addr(*p).String()
	case *cidr:
		return netip.Prefix(*p).String()
	case *addresses:
		return fmt.Sprint([]netip.Addr(*p))
	}
	return "given"
}

// hidden removes the password from a URL.
func hidden(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}
