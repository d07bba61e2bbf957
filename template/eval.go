package template

import (
	"errors"
	"fmt"
	"text/template/parse"
)

// pipe evaluates a pipeline; each command gets the result before it as its last argument.
func (s *state) pipe(dot any, p *parse.PipeNode) (v any, err error) {
	if p == nil {
		return nil, nil
	}
	for i, c := range p.Cmds {
		var before []any
		if i > 0 {
			before = []any{v}
		}
		if v, err = s.command(dot, c, before); err != nil {
			return nil, err
		}
	}
	if len(p.Decl) != 1 {
		return v, nil
	}
	name := p.Decl[0].Ident[0]
	if p.IsAssign {
		for i := len(s.vars) - 1; i >= 0; i-- {
			if s.vars[i].name == name {
				s.vars[i].value = v
				return v, nil
			}
		}
	}
	s.vars = append(s.vars, variable{name, v})
	return v, nil
}

// command evaluates one command: a function with arguments, or an operand alone.
func (s *state) command(dot any, c *parse.CommandNode, before []any) (any, error) {
	first := c.Args[0]
	if id, ok := first.(*parse.IdentifierNode); ok {
		return s.function(dot, id, c.Args[1:], before)
	}
	v, err := s.operand(dot, first)
	if err != nil {
		return nil, err
	}
	if f, ok := v.(func(string) string); ok {
		args, err := s.operands(dot, c.Args[1:], before)
		if err != nil {
			return nil, err
		}
		if len(args) != 1 {
			return nil, s.at(first, fmt.Errorf("wrong number of args for %s: want 1 got %d", first, len(args)))
		}
		return f(text(args[0])), nil
	}
	if len(c.Args) > 1 || len(before) > 0 {
		return nil, s.at(first, fmt.Errorf("can't give argument to non-function %s", first))
	}
	return v, nil
}

func (s *state) operands(dot any, nodes []parse.Node, before []any) ([]any, error) {
	var args []any
	for _, n := range nodes {
		v, err := s.operand(dot, n)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return append(args, before...), nil
}

func (s *state) operand(dot any, n parse.Node) (any, error) {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, s.at(n, errors.New("nil is not a command"))
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		if n.IsInt {
			return int(n.Int64), nil
		}
		return n.Float64, nil
	case *parse.FieldNode:
		return s.fields(dot, n, n.Ident)
	case *parse.VariableNode:
		for i := len(s.vars) - 1; i >= 0; i-- {
			if s.vars[i].name == n.Ident[0] {
				return s.fields(s.vars[i].value, n, n.Ident[1:])
			}
		}
		return nil, s.at(n, fmt.Errorf("undefined variable: %s", n.Ident[0]))
	case *parse.ChainNode:
		v, err := s.operand(dot, n.Node)
		if err != nil {
			return nil, err
		}
		return s.fields(v, n, n.Field)
	case *parse.PipeNode:
		return s.pipe(dot, n)
	case *parse.IdentifierNode:
		return s.function(dot, n, nil, nil)
	}
	return nil, s.at(n, fmt.Errorf("can't evaluate command %s", n))
}

// fields follows .A.B.C from v.
func (s *state) fields(v any, n parse.Node, names []string) (any, error) {
	for _, name := range names {
		o, ok := v.(*Object)
		if !ok {
			if _, none := v.(missing); none {
				return v, nil
			}
			if v == nil {
				return nil, s.at(n, fmt.Errorf("nil pointer evaluating interface {}.%s", name))
			}
			return nil, s.at(n, fmt.Errorf("can't evaluate field %s in %s", name, text(v)))
		}
		if v, ok = o.Get(name); !ok && o.Type != "" {
			return nil, s.at(n, fmt.Errorf("can't evaluate field %s in type %s", name, o.Type))
		}
		if !ok && o.Map {
			v = missing{}
			continue
		}
		if !ok {
			return nil, s.at(n, fmt.Errorf("map has no entry for key %q", name))
		}
	}
	return v, nil
}

// function calls a function by name. and and or stop at the first argument that decides.
func (s *state) function(dot any, id *parse.IdentifierNode, nodes []parse.Node, before []any) (any, error) {
	if id.Ident == "and" || id.Ident == "or" {
		var v any
		for _, n := range nodes {
			var err error
			if v, err = s.operand(dot, n); err != nil {
				return nil, err
			}
			if truth(v) == (id.Ident == "or") {
				return v, nil
			}
		}
		if len(before) > 0 {
			return before[0], nil
		}
		return v, nil
	}
	args, err := s.operands(dot, nodes, before)
	if err != nil {
		return nil, err
	}
	v, err := apply(id.Ident, args)
	if err != nil {
		return nil, s.at(id, fmt.Errorf("error calling %s: %w", id.Ident, err))
	}
	return v, nil
}
