package template

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/template/parse"
)

// Template is a parsed template. It may be executed any number of times.
type Template struct {
	tree  *parse.Tree
	named map[string]*parse.Tree
}

// Parse reads a template. Its error texts are those of text/template.
func Parse(source string) (*Template, error) { return ParseNamed("", source) }

// ParseNamed is Parse for a template that errors are to call by a name.
func ParseNamed(name, source string) (*Template, error) {
	named, err := parse.Parse(name, source, "", "", known())
	if err != nil {
		return nil, err
	}
	return &Template{tree: named[name], named: named}, nil
}

// Execute writes the template with data as its dot.
func (t *Template) Execute(w io.Writer, data any) error {
	if t.tree == nil {
		return nil
	}
	s := &state{w: w, named: t.named, tree: t.tree, vars: []variable{{"$", data}}}
	err := s.walk(data, t.tree.Root)
	if errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		return nil
	}
	return err
}

type variable struct {
	name  string
	value any
}

// state is one execution. vars is a stack: inner scopes push and pop.
type state struct {
	w     io.Writer
	named map[string]*parse.Tree
	tree  *parse.Tree
	vars  []variable
	depth int
}

// maxCalls is how deep {{template}} may call itself.
const maxCalls = 1000

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// at adds where in the template err happened.
func (s *state) at(n parse.Node, err error) error {
	if err == nil {
		return nil
	}
	var located *Error
	if errors.As(err, &located) {
		return err
	}
	where, context := s.tree.ErrorContext(n)
	return &Error{Text: fmt.Sprintf("template: %s: executing %q at <%s>: %v", where, s.tree.Name, context, err), err: err}
}

// Error is a failure of an execution, with its place.
type Error struct {
	Text string
	err  error
}

// Error is the text in text/template's form.
func (e *Error) Error() string { return e.Text }

// Unwrap is the failure without its place.
func (e *Error) Unwrap() error { return e.err }

func (s *state) walk(dot any, n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode:
		_, err := s.w.Write(n.Text)
		return err
	case *parse.ListNode:
		return s.walkList(dot, n)
	case *parse.ActionNode:
		v, err := s.pipe(dot, n.Pipe)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return err
		}
		_, err = io.WriteString(s.w, text(v))
		return err
	case *parse.IfNode:
		return s.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return s.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		return s.ranged(dot, n)
	case *parse.TemplateNode:
		return s.call(dot, n)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	case *parse.CommentNode:
		return nil
	}
	return s.at(n, fmt.Errorf("unknown node %s", n))
}

func (s *state) walkList(dot any, list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := s.walk(dot, n); err != nil {
			return err
		}
	}
	return nil
}

// branch is if (the dot stays) or with (the dot becomes the value).
func (s *state) branch(dot any, n *parse.BranchNode, with bool) error {
	mark := len(s.vars)
	defer func() { s.vars = s.vars[:mark] }()
	v, err := s.pipe(dot, n.Pipe)
	if err != nil {
		return err
	}
	if !truth(v) {
		return s.walkList(dot, n.ElseList)
	}
	if with {
		dot = v
	}
	return s.walkList(dot, n.List)
}

// ranged runs the body for every element; objects go by sorted key.
func (s *state) ranged(dot any, n *parse.RangeNode) error {
	mark := len(s.vars)
	defer func() { s.vars = s.vars[:mark] }()
	v, err := s.pipe(dot, n.Pipe)
	if err != nil {
		return err
	}
	keys, values, err := elements(v)
	if err != nil {
		return s.at(n, err)
	}
	if len(values) == 0 {
		return s.walkList(dot, n.ElseList)
	}
	inner := len(s.vars)
	for i := range values {
		s.vars = s.vars[:inner]
		s.setRange(n.Pipe, keys[i], values[i])
		switch err := s.walkList(values[i], n.List); {
		case errors.Is(err, errBreak):
			return nil
		case err != nil && !errors.Is(err, errContinue):
			return err
		}
	}
	return nil
}

// setRange gives the variables of {{range $k, $v := ...}} their values for one round.
func (s *state) setRange(p *parse.PipeNode, key, value any) {
	switch len(p.Decl) {
	case 1:
		s.vars = append(s.vars, variable{p.Decl[0].Ident[0], value})
	case 2:
		s.vars = append(s.vars, variable{p.Decl[0].Ident[0], key}, variable{p.Decl[1].Ident[0], value})
	}
}

func elements(v any) (keys, values []any, err error) {
	switch v := v.(type) {
	case nil, missing:
		return nil, nil, nil
	case []any:
		for i := range v {
			keys = append(keys, i)
		}
		return keys, v, nil
	case *Object:
		for _, k := range slices.Sorted(maps.Keys(v.Values)) {
			keys, values = append(keys, k), append(values, v.Values[k])
		}
		return keys, values, nil
	case int:
		for i := range min(v, 1<<20) {
			keys, values = append(keys, i), append(values, i)
		}
		return keys, values, nil
	}
	return nil, nil, fmt.Errorf("range can't iterate over %s", text(v))
}

// call is {{template "name" pipeline}}.
func (s *state) call(dot any, n *parse.TemplateNode) error {
	tree := s.named[n.Name]
	if tree == nil {
		return s.at(n, fmt.Errorf("template %q not defined", n.Name))
	}
	if s.depth >= maxCalls {
		return s.at(n, errors.New("exceeded maximum template depth"))
	}
	v, err := s.pipe(dot, n.Pipe)
	if err != nil {
		return err
	}
	inner := &state{w: s.w, named: s.named, tree: tree, vars: []variable{{"$", v}}, depth: s.depth + 1}
	return inner.walkList(v, tree.Root)
}
