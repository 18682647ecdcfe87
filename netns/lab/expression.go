package lab

import (
	"fmt"
	"strings"
	"unicode"
)

// Expression is a Boolean expression over the ids of destinations: "&&", "||",
// parentheses and "true". "&&" binds more tightly. The empty expression is
// true. There is no "not": a device that works because something is out of
// reach is described by after.
type Expression string

// formula is a parsed expression.
type formula struct {
	operator operator
	id       string // of an operand
	column   int    // of an operand: characters before it
	parts    []*formula
}

type operator int

const (
	truth operator = iota
	operand
	all    // of the parts
	either // of the parts
)

// fault is what is wrong with an expression, after so many characters.
type fault struct {
	column  int
	message string
	remedy  string
}

// parse reads the expression.
func (e Expression) parse() (*formula, *fault) {
	if strings.TrimSpace(string(e)) == "" {
		return &formula{operator: truth}, nil
	}
	p := &expressionParser{text: []rune(string(e))}
	f := p.alternatives()
	if p.space(); p.wrong == nil && p.at < len(p.text) {
		p.unexpected()
	}
	return f, p.wrong
}

// mustParse is for expressions that have been checked already.
func (e Expression) mustParse() *formula {
	f, wrong := e.parse()
	if wrong != nil {
		panic("an expression that was never checked: " + wrong.message)
	}
	return f
}

// holds reports whether the formula is true when exactly these are reached.
func (f *formula) holds(reached func(id string) bool) bool {
	switch f.operator {
	case operand:
		return reached(f.id)
	case all:
		for _, part := range f.parts {
			if !part.holds(reached) {
				return false
			}
		}
	case either:
		for _, part := range f.parts {
			if part.holds(reached) {
				return true
			}
		}
		return false
	}
	return true
}

// operands lists the places where the formula names a destination.
func (f *formula) operands() []*formula {
	if f.operator == operand {
		return []*formula{f}
	}
	var found []*formula
	for _, part := range f.parts {
		found = append(found, part.operands()...)
	}
	return found
}

// names reports whether the formula mentions a destination.
func (f *formula) names(id string) bool {
	for _, operand := range f.operands() {
		if operand.id == id {
			return true
		}
	}
	return false
}

// expressionParser descends through the text. After the first fault it goes on
// with whatever it has, and the fault is what counts.
type expressionParser struct {
	text  []rune
	at    int
	depth int
	wrong *fault
}

func (p *expressionParser) alternatives() *formula { return p.chain("||", either, p.conjunction) }

func (p *expressionParser) conjunction() *formula { return p.chain("&&", all, p.primary) }

func (p *expressionParser) chain(sign string, operator operator, next func() *formula) *formula {
	parts := []*formula{next()}
	for p.take(sign) {
		parts = append(parts, next())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &formula{operator: operator, parts: parts}
}

// maxDepth keeps a hostile file from exhausting the stack.
const maxDepth = 100

func (p *expressionParser) primary() *formula {
	if p.take("(") {
		return p.group()
	}
	start := p.at
	word := p.word()
	switch {
	case word == "":
		p.unexpected()
	case word == "true":
		return &formula{operator: truth}
	case word == "false":
		p.fail(start, `"false" is not allowed here`, "leave the function out of the scenarios to be judged")
	}
	return &formula{operator: operand, id: word, column: start}
}

func (p *expressionParser) group() *formula {
	open := p.at - 1
	if p.depth++; p.depth > maxDepth {
		p.fail(open, "too many parentheses within each other", "write it with fewer")
		return &formula{operator: truth}
	}
	inner := p.alternatives()
	if !p.take(")") {
		p.fail(open, "this parenthesis is never closed", `add ")"`)
	}
	p.depth--
	return inner
}

// take passes over a sign, if it comes next.
func (p *expressionParser) take(sign string) bool {
	p.space()
	if p.wrong != nil || !strings.HasPrefix(string(p.text[p.at:min(len(p.text), p.at+len(sign))]), sign) {
		return false
	}
	p.at += len(sign)
	return true
}

func (p *expressionParser) word() string {
	start := p.at
	for p.at < len(p.text) && wordRune(p.text[p.at]) {
		p.at++
	}
	return string(p.text[start:p.at])
}

func (p *expressionParser) space() {
	for p.at < len(p.text) && unicode.IsSpace(p.text[p.at]) {
		p.at++
	}
}

func (p *expressionParser) unexpected() {
	if p.at >= len(p.text) {
		p.fail(p.at, "the expression ends where a destination is expected", "write the id of a destination")
		return
	}
	switch c := p.text[p.at]; c {
	case '!':
		p.fail(p.at, `"!" is not allowed`, `a device that works because something is out of reach is described by "after"`)
	case '&', '|':
		p.fail(p.at, fmt.Sprintf("%q is unexpected here", c), `write "a && b" or "a || b"`)
	default:
		p.fail(p.at, fmt.Sprintf("%q is unexpected here", c), "an expression is made of ids, &&, || and parentheses")
	}
}

// fail keeps the first fault.
func (p *expressionParser) fail(column int, message, remedy string) {
	if p.wrong == nil {
		p.wrong = &fault{column, message, remedy}
	}
}

func wordRune(c rune) bool {
	return c == '_' || c == '-' || c == '.' || c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
}
