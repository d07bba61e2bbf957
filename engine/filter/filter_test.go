package filter

import "testing"

// TestLabels: label chooses what has all of its values, label! leaves out what has all of its.
func TestLabels(t *testing.T) {
	some := Args{"label!": {"a", "b=1"}}
	for _, row := range []struct {
		f      Args
		labels map[string]string
		fits   bool
	}{
		{some, nil, true},
		{some, map[string]string{"a": "x"}, true},
		{some, map[string]string{"b": "1", "c": ""}, true},
		{some, map[string]string{"a": "", "b": "2"}, true},
		{some, map[string]string{"a": "", "b": "1"}, false},
		{Args{"label!": {"a"}}, map[string]string{"a": ""}, false},
		{Args{}, map[string]string{"a": ""}, true},
		{Args{}, nil, true},
		{Args{"label": {"a"}}, nil, false},
		{Args{"label": {"a"}}, map[string]string{"a": "x"}, true},
		{Args{"label": {"a="}}, map[string]string{"a": "x"}, false},
		{Args{"label": {"a=x=y"}}, map[string]string{"a": "x=y"}, true},
		{Args{"label": {"a", "b"}}, map[string]string{"a": "x"}, false},
		{Args{"label": {"a"}, "label!": {"b"}}, map[string]string{"a": "", "b": ""}, false},
		{Args{"label": {"a"}, "label!": {"b"}}, map[string]string{"a": ""}, true},
	} {
		if row.f.Labels(row.labels) != row.fits {
			t.Errorf("%v, %v", row.f, row.labels)
		}
	}
}

func TestBool(t *testing.T) {
	for _, row := range []struct {
		values            []string
		value, asked, bad bool
	}{
		{nil, false, false, false}, {[]string{"1"}, true, true, false}, {[]string{"T"}, true, true, false},
		{[]string{"False"}, false, true, false},
		{[]string{"yes"}, false, false, true}, {[]string{""}, false, false, true}, {[]string{"1", "1"}, false, false, true},
	} {
		value, asked, err := Args{"k": row.values}.Bool("k")
		if value != row.value || asked != row.asked || (err != nil) != row.bad {
			t.Errorf("%v: %v %v %v", row.values, value, asked, err)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := (Args{"a": {"1"}}).Check([]string{"a", "b"}); err != nil {
		t.Error(err)
	}
	if err := (Args{"A": {"1"}}).Check([]string{"a"}); err == nil || err.Error() != "invalid filter 'A'" {
		t.Error(err)
	}
}

// TestName: a filter is an expression on the name with and without its slash; one that is none is a part of the name.
func TestName(t *testing.T) {
	for _, row := range []struct {
		pattern, name string
		fits          bool
	}{
		{"web", "web1", true}, {"^web$", "web1", false}, {"^/web1$", "web1", true}, {"^web1$", "web1", true},
		{"w.b", "web", true},
		{"", "web", true}, {"we(b", "awe(b1", true}, {"we(b", "web", false},
	} {
		if Name(row.pattern, row.name) != row.fits {
			t.Errorf("%q, %q", row.pattern, row.name)
		}
	}
}
