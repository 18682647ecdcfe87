package yamlfile

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Format is a sort of file.
type Format struct {
	Noun     string // as "world"
	Examples string // the command that lists some

	// Keys names the keys of a type for people, where they are more than keys, as
	// "function".
	Keys map[reflect.Type]string

	// Shapes check the values of types that [Document.Shape] cannot know.
	Shapes map[reflect.Type]Shape

	// Secret marks what must not be shown of a line; nil where nothing is secret.
	Secret *regexp.Regexp
}

// Shape checks that a node can be decoded into a value of its type. What names
// the node for people.
type Shape func(d *Document, node ast.Node, what string) error

// Document is a file's text while it is read.
type Document struct {
	Root   ast.Node
	format Format
	file   string
	lines  []string
}

// Open reads the YAML of a text. The file is only a name.
func (f Format) Open(file string, text []byte) (*Document, error) {
	d := &Document{format: f, file: file, lines: strings.Split(string(text), "\n")}
	if err := d.legible(text); err != nil {
		return nil, err
	}
	if at, message := excess(string(text)); at != nil {
		return nil, d.At(at, message, excessRemedy)
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	if d.Root, err = d.body(tree); err != nil {
		return nil, err
	}
	return d, nil
}

// Kind is what the document says that it is, or "".
func (d *Document) Kind() string {
	if _, node := child(d.Root, "kind"); node != nil {
		return node.GetToken().Value
	}
	return ""
}

// Decode reads the document into a value, whose shape was found good.
func (d *Document) Decode(value any) error {
	if err := yaml.NodeToValue(d.Root, value); err != nil {
		return d.syntax(err)
	}
	return nil
}

// legible refuses what is no text before the YAML parser makes something of it.
func (d *Document) legible(text []byte) error {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size <= 1 || unicode.IsControl(c) && !strings.ContainsRune("\t\n\r", c) {
			line := 1 + strings.Count(string(text[:i]), "\n")
			column := 1 + utf8.RuneCount(text[strings.LastIndexByte(string(text[:i]), '\n')+1:i])
			return &Error{
				File: d.file, Line: line, Column: column,
				Message: fmt.Sprintf("this is no text: byte %#02x", text[i]),
				Remedy:  fmt.Sprintf("a %s is a YAML file in UTF-8; see '%s' for examples", d.format.Noun, d.format.Examples),
			}
		}
		i += size
	}
	return nil
}

func (d *Document) body(tree *ast.File) (ast.Node, error) {
	docs := slices.DeleteFunc(tree.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	if len(docs) == 0 || docs[0].Body.Type() == ast.CommentType {
		return nil, &Error{File: d.file, Line: 1, Column: 1, Message: "the file is empty", Remedy: "begin with apiVersion: needwant/v1"}
	}
	if len(docs) > 1 {
		return nil, d.At(docs[1].Body.GetToken(), "a second document begins here", fmt.Sprintf("put each %s into a file of its own", d.format.Noun))
	}
	return docs[0].Body, nil
}

const syntaxRemedy = "check indentation, brackets, quotes, the blank after each colon, and the dash before each entry of a list; a text with : or # in it must be quoted"

// mistake is one that the YAML package names in words of its own, and what they mean to the
// user.
type mistake struct {
	says            *regexp.Regexp
	message, remedy string // may name what matched
}

func mistakes() []mistake {
	return []mistake{
		{regexp.MustCompile(`^mapping key (".*") already defined at \[(\d+):\d+\]$`), "the key $1 is there twice, first in line $2", "remove one of the two"},
		{regexp.MustCompile(`^mapping value is not allowed in this context$`), "there is a second key in this line", `quote a text that has ": " in it, and begin each key in a line of its own`},
		{regexp.MustCompile(`^found character '\t'`), "a line begins with a tab", "indent with blanks: YAML does not allow tabs there"},
		{regexp.MustCompile(`^value is not allowed in this context`), "this does not fit the lines before it", syntaxRemedy},
		{regexp.MustCompile(`^(unexpected key name|non-map value is specified)$`), "this is not a key with a value", "write a colon and a blank after the key, e.g. name: value"},
		{regexp.MustCompile(`^',' or '(.)' must be specified$`), "a comma or $1 is missing before this", "close the bracket, or put a comma between its entries"},
		{regexp.MustCompile(`^could not find flow (map|sequence) content$`), "a bracket is not closed by one of its kind", "close each { with } and each [ with ]"},
		{regexp.MustCompile(`^('.') is a reserved character$`), "a text without quotes cannot begin with $1", "put it into quotes"},
	}
}

// syntax turns an error of the YAML package into ours.
func (d *Document) syntax(err error) error {
	// A shape's own error comes back through the decoder.
	if ours, ok := errors.AsType[*Error](err); ok {
		return ours
	}
	var positioned yaml.Error
	if !errors.As(err, &positioned) || positioned.GetToken() == nil {
		return &Error{File: d.file, Line: 1, Column: 1, Message: strings.TrimSpace(err.Error()), Remedy: syntaxRemedy}
	}
	message := positioned.GetMessage()
	for _, mistake := range mistakes() {
		if found := mistake.says.FindStringSubmatchIndex(message); found != nil {
			return d.At(positioned.GetToken(), string(mistake.says.ExpandString(nil, mistake.message, message, found)), mistake.remedy)
		}
	}
	return d.At(positioned.GetToken(), message, syntaxRemedy)
}

// At is an error at a token.
func (d *Document) At(t *token.Token, message, remedy string) *Error {
	return d.atColumn(t.Position.Line, t.Position.Column, message, remedy)
}

// AtSecret is an error at a token whose value must not be shown.
func (d *Document) AtSecret(t *token.Token, message, remedy string) *Error {
	e := d.At(t, message, remedy)
	if t.Value != "" {
		e.Source = strings.ReplaceAll(e.Source, t.Value, stars(t.Value))
	}
	return e
}

func (d *Document) atColumn(line, column int, message, remedy string) *Error {
	e := &Error{File: d.file, Line: max(line, 1), Column: max(column, 1), Message: d.hide(message), Remedy: d.hide(remedy)}
	const longest = 300 // in bytes, of a line that is worth showing
	if e.Line <= len(d.lines) && len(d.lines[e.Line-1]) <= longest {
		e.Source = d.hide(strings.TrimRight(d.lines[e.Line-1], "\r"))
	}
	return e
}

// hide replaces each letter of a secret, so that columns stay where they are.
func (d *Document) hide(text string) string {
	if d.format.Secret == nil {
		return text
	}
	return d.format.Secret.ReplaceAllStringFunc(text, stars)
}

func stars(secret string) string { return strings.Repeat("*", utf8.RuneCountInString(secret)) }

// Locate finds the place of a flaw in the text: the value that the path leads
// to, or where that is a mapping or is missing, the last key on the way.
func (d *Document) Locate(f *Flaw) *Error {
	node, key := d.Root, firstKey(d.Root)
	for _, step := range f.Path {
		if _, scalar := node.(ast.ScalarNode); scalar {
			break // the short form of what the path leads into
		}
		nextKey, next := child(node, step)
		if next == nil {
			return d.At(key, f.where()+f.Message, f.Remedy)
		}
		node, key = next, nextKey
	}
	if _, isMap := node.(ast.MapNode); isMap {
		return d.At(key, f.Message, f.Remedy)
	}
	t := node.GetToken()
	if f.Secret {
		return d.AtSecret(t, f.Message, f.Remedy)
	}
	column := t.Position.Column + f.Column
	if f.Inside && quoted(t) {
		column++
	}
	return d.atColumn(t.Position.Line, column, f.Message, f.Remedy)
}

func quoted(t *token.Token) bool {
	return t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType
}
