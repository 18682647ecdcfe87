package search_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
)

// numbered numbers destinations in the order in which they are first met.
type numbered []string

// index is the number of a name, which it gives a new name.
func (n *numbered) index(name string) int {
	if i := slices.Index(*n, name); i >= 0 {
		return i
	}
	*n = append(*n, name)
	return len(*n) - 1
}

// cutsOfFormula reads what a device needs, as "cloud && (ntp1 || ntp2)", and gives the
// cuts: the minimal sets without which that is false. "true" needs nothing.
func cutsOfFormula(formula string, names *numbered) ([]search.Set, error) {
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

func cutsOf(expression ast.Expr, names *numbered) ([]search.Set, error) {
	switch e := expression.(type) {
	case *ast.ParenExpr:
		return cutsOf(e.X, names)
	case *ast.Ident:
		if e.Name == "true" {
			return nil, nil
		}
		return []search.Set{search.Of(names.index(e.Name))}, nil
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

var _ = Describe("A formula", func() {
	DescribeTable("has the cuts that make it false",
		func(formula string, cuts ...search.Set) {
			names := numbered{"a", "b", "c", "d"}
			Expect(cutsOfFormula(formula, &names)).To(ConsistOf(cuts))
		},
		Entry(nil, "a", search.Of(0)),
		Entry(nil, "a && (b || c)", search.Of(0), search.Of(1, 2)),
		Entry(nil, "a && b || c", search.Of(0, 2), search.Of(1, 2)),
		Entry("without what contains another", "a && (a || b)", search.Of(0)),
		Entry("without repeats", "(a || b) && (b || a) && c", search.Of(0, 1), search.Of(2)),
		Entry(nil, "(a && b) || (c && d)", search.Of(0, 2), search.Of(0, 3), search.Of(1, 2), search.Of(1, 3)),
	)

	It("that always holds has none", func() {
		Expect(cutsOfFormula("true", &numbered{})).To(BeEmpty())
		Expect(cutsOfFormula("true || a", &numbered{})).To(BeEmpty())
	})

	DescribeTable("that cannot be read is refused",
		func(formula string) {
			_, err := cutsOfFormula(formula, &numbered{})
			Expect(err).To(MatchError(ContainSubstring(formula)))
		},
		Entry("half of one", "a &&"),
		Entry("not", "!a"),
		Entry("a sum", "a + b"),
		Entry("below an or", "a || f(b)"),
		Entry("below an and", "3 && b"),
	)
})
