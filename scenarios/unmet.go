package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// unmet says of a condition that does not hold what was expected and what these values
// have in its place: "expected state == 3, got 8". Of several that are joined by && it is
// the first that does not hold.
func (c condition) unmet(values map[string]any) string {
	tree, err := parser.Parse(c.text)
	if err != nil { // it was compiled, so that it can be read
		return "expected " + c.text
	}
	part, text := failing(tree.Node, values), c.text
	if part != tree.Node {
		text = part.String()
	}
	said := "expected " + text
	if got := gotten(part, values); got != "" {
		said += ", got " + got
	}
	return said + c.blanks(values)
}

// failing is the first part of a conjunction that does not hold.
func failing(node ast.Node, values map[string]any) ast.Node {
	both, ok := node.(*ast.BinaryNode)
	if !ok || both.Operator != "&&" && both.Operator != "and" {
		return node
	}
	if holds, err := expr.Eval(both.Left.String(), values); err == nil && holds == true {
		return failing(both.Right, values)
	}
	return failing(both.Left, values)
}

// mostGotten is how many values a message shows.
const mostGotten = 4

// gotten lists the values that a part of a condition is about.
func gotten(part ast.Node, values map[string]any) string {
	all := terms(part)
	all = all[:min(len(all), mostGotten)]
	shown := make([]string, len(all))
	for i, term := range all {
		text := "nothing"
		switch value, err := expr.Eval(term, values); {
		case err != nil:
		case private(term):
			text = "(redacted)"
		case value != nil:
			text = shorten(show(rounded(value)))
		}
		if shown[i] = text; len(all) > 1 {
			shown[i] = fmt.Sprintf("%s = %s", term, text)
		}
	}
	return strings.Join(shown, " and ")
}

// rounded is a number with three digits after the point; anything else is as it is.
func rounded(value any) any {
	if number, ok := value.(float64); ok && math.Abs(number) < 1e9 {
		return math.Round(number*1000) / 1000
	}
	return value
}

// terms are the parts that an expression compares, without its constants. Each is there
// once.
func terms(node ast.Node) (all []string) {
	add := func(more ...string) {
		for _, term := range more {
			if !slices.Contains(all, term) {
				all = append(all, term)
			}
		}
	}
	switch node := node.(type) {
	case *ast.BinaryNode:
		add(terms(node.Left)...)
		add(terms(node.Right)...)
	case *ast.UnaryNode:
		add(terms(node.Node)...)
	case *ast.ArrayNode:
		for _, element := range node.Nodes {
			add(terms(element)...)
		}
	case *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.ConstantNode:
	default:
		add(node.String())
	}
	return all
}
