package systems

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// Names numbers destinations in the order in which they are first met.
type Names []string

// Index is the number of a name, which it gives a new name.
func (n *Names) Index(name string) int {
	if i := slices.Index(*n, name); i >= 0 {
		return i
	}
	*n = append(*n, name)
	return len(*n) - 1
}

// Parse reads what a device needs, as "cloud && (ntp1 || ntp2)", and gives the
// cuts: the minimal sets without which that is false. "true" needs nothing.
func Parse(formula string, names *Names) ([]search.Set, error) {
	expression, err := parser.ParseExpr(formula)
	if err != nil {
		return nil, fmt.Errorf("reading formula %q: %w", formula, err)
	}
	cuts, err := cutsOf(expression, names)
	if err != nil {
		return nil, fmt.Errorf("formula %q: %w", formula, err)
	}
	return cuts, nil
}

func cutsOf(expression ast.Expr, names *Names) ([]search.Set, error) {
	switch e := expression.(type) {
	case *ast.ParenExpr:
		return cutsOf(e.X, names)
	case *ast.Ident:
		if e.Name == "true" {
			return nil, nil
		}
		return []search.Set{search.Of(names.Index(e.Name))}, nil
	case *ast.BinaryExpr:
		left, err := cutsOf(e.X, names)
		if err != nil {
			return nil, err
		}
		right, err := cutsOf(e.Y, names)
		if err != nil {
			return nil, err
		}
		switch e.Op {
		case token.LAND:
			return minimal(append(left, right...)), nil
		case token.LOR:
			return minimal(eitherOf(left, right)), nil
		}
	}
	return nil, fmt.Errorf("only names, &&, || and parentheses can be read")
}

// eitherOf breaks both sides: a cut of the one with a cut of the other.
func eitherOf(left, right []search.Set) []search.Set {
	var both []search.Set
	for _, a := range left {
		for _, b := range right {
			both = append(both, a.Union(b))
		}
	}
	return both
}

// minimal keeps the sets that contain no other, once each.
func minimal(sets []search.Set) []search.Set {
	var kept []search.Set
	for i, s := range sets {
		contains := func(j int, other search.Set) bool {
			return other.SubsetOf(s) && (!other.Equal(s) || j < i)
		}
		smaller := false
		for j, other := range sets {
			smaller = smaller || j != i && contains(j, other)
		}
		if !smaller {
			kept = append(kept, s)
		}
	}
	return kept
}
