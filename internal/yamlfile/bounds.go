package yamlfile

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// What the YAML parser takes grows with the square of the depth, and of the number
// of keys: 64 kB of brackets would take 1.6 GB. A world of a thousand destinations
// has a depth of 4, and 30,000 tokens.
const (
	maxDepth  = 50
	maxTokens = 100_000
)

const excessRemedy = "write less, and less deeply nested"

// Bounded rejects a YAML text that takes the parser too long, or too much memory.
// The error says where.
func Bounded(text []byte) error {
	at, message := excess(string(text))
	if at == nil {
		return nil
	}
	return fmt.Errorf("line %d, column %d: %s: %s", at.Position.Line, at.Position.Column, message, excessRemedy)
}

// excess is the first token that is too many, or too deep; nil if there is none.
func excess(text string) (at *token.Token, message string) {
	if len(text) > maxText {
		text = text[:maxText]
	}
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxTokens {
		return tokens[maxTokens], fmt.Sprintf("there are more than %d words and signs", maxTokens)
	}
	var nesting nesting
	for i, t := range tokens {
		if nesting.add(t, i, tokens) > maxDepth {
			return t, fmt.Sprintf("this is nested more than %d levels deep", maxDepth)
		}
	}
	return nil, ""
}

// nesting counts the levels at a token: brackets, and outside of them the columns
// at which lists and keys begin.
type nesting struct {
	brackets int
	columns  []int
}

func (n *nesting) add(t *token.Token, i int, all token.Tokens) (depth int) {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.brackets++
	case token.SequenceEndType, token.MappingEndType:
		n.brackets = max(n.brackets-1, 0)
	case token.SequenceEntryType, token.MappingKeyType:
		n.begin(t.Position.Column)
	case token.MappingValueType:
		if i > 0 {
			n.begin(all[i-1].Position.Column)
		}
	}
	return n.brackets + len(n.columns)
}

// begin notes that something begins at a column, which ends all that began to the
// right of it.
func (n *nesting) begin(column int) {
	if n.brackets > 0 {
		return
	}
	for len(n.columns) > 0 && n.columns[len(n.columns)-1] >= column {
		n.columns = n.columns[:len(n.columns)-1]
	}
	n.columns = append(n.columns, column)
}
