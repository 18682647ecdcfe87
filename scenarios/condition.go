package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// condition is a compiled expression, in most cases one that is true or false.
type condition struct {
	text    string
	program *vm.Program
}

// conditionError is a mistake in an expression.
type conditionError struct {
	text         string
	line, column int // from 1 and from 0
	message      string
	names        []string // what may be named
	of           string   // whose names they are
}

// Error says where it is wrong and what may be named.
func (e *conditionError) Error() string {
	return fmt.Sprintf("%s at line %d, column %d of %q; %s", e.message, e.line, e.column+1, e.text, e.remedy())
}

func (e *conditionError) remedy() string {
	return fmt.Sprintf("%s has %s", e.of, strings.Join(e.names, ", "))
}

// compile reads an expression over names of known types. Of says whose names
// they are. The error is a [*conditionError].
func compile(text, of string, names types.Map, options ...expr.Option) (condition, error) {
	program, err := expr.Compile(text, append([]expr.Option{expr.Env(names)}, options...)...)
	if err == nil {
		return condition{text, program}, nil
	}
	wrong := &conditionError{text: text, line: 1, message: plainly(err.Error()), names: spelled(names), of: of}
	if flaw, ok := errors.AsType[*file.Error](err); ok {
		wrong.line, wrong.column, wrong.message = max(flaw.Line, 1), flaw.Column, plainly(flaw.Message)
	}
	return condition{}, wrong
}

// plainly says what the expression package says of common mistakes in other words.
func plainly(message string) string {
	for _, mistake := range mistakes() {
		if found := mistake.says.FindStringSubmatchIndex(message); found != nil {
			return string(mistake.says.ExpandString(nil, mistake.plain, message, found))
		}
	}
	unlike := regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (\S+?)(?: and (\S+))?\)$`)
	if found := unlike.FindStringSubmatch(message); found != nil {
		kinds := []string{typeInWords(found[2])}
		if found[3] != "" {
			kinds = append(kinds, typeInWords(found[3]))
		}
		return fmt.Sprintf("%s cannot be used with %s", found[1], strings.Join(kinds, " and "))
	}
	return message
}

// mistake is one that the expression package names in words of its own: its kind of a word, a
// Go type.
type mistake struct {
	says  *regexp.Regexp
	plain string // may name what matched
}

func mistakes() []mistake {
	const instead = "is not expected here: compare with ==, join with && or ||, and put a text into quotes"
	return []mistake{
		{regexp.MustCompile(`^unexpected token Operator\("="\)$`), "a single = does not compare: write =="},
		{regexp.MustCompile(`^unexpected token EOF$`), "it ends too early"},
		{regexp.MustCompile(`^unexpected token \w+\((".*")\)$`), "$1 " + instead},
		{regexp.MustCompile(`^unrecognized character: U\+\w+ ('.*')$`), "$1 " + instead},
		{regexp.MustCompile(`^literal not terminated$`), "a text has no quote at its end"},
		{regexp.MustCompile(`^bad number syntax: (".*")$`), "$1 is not a number: leave out the unit"},
		{regexp.MustCompile(`^expected bool, but got `), "this is neither true nor false: compare it, for example with == or <"},
		{regexp.MustCompile(`^error parsing regexp: (.*)$`), "this is not a regular expression: $1"},
	}
}

// typeInWords names the values of a Go type.
func typeInWords(name string) string {
	switch name {
	case "int", "float64":
		return "a number"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "unknown":
		return "this value"
	}
	return "a list of values"
}

// spelled lists names as they are written, those of saved values in full.
func spelled(names types.Map) []string {
	var all []string
	for name, is := range names {
		kept, nested := is.(types.Map)
		for inner := range kept {
			all = append(all, name+"."+inner)
		}
		if !nested {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// met reports whether the condition holds for these values. The error says what it
// asks for and they do not have, as the first entry of an empty list.
func (c condition) met(values map[string]any) (bool, error) {
	answer, err := c.value(values)
	if err != nil {
		return false, err
	}
	met, ok := answer.(bool)
	if !ok {
		return false, fmt.Errorf("it gives %v, which is neither true nor false", answer)
	}
	return met, nil
}

// blanks names what the condition asks for and the values do not have, which may
// be misspelt; "" where that is nothing.
func (c condition) blanks(values map[string]any) string {
	visit := &members{}
	root := c.program.Node()
	ast.Walk(&root, visit)
	for _, member := range visit.texts {
		value, err := expr.Eval(member, values)
		if value == nil && err == nil {
			return fmt.Sprintf("; there is no %s in it", member)
		}
	}
	return ""
}

// members collects what an expression takes out of its values, the shorter first.
type members struct{ texts []string }

// Visit is for package ast, which goes from the leaves to the root.
func (m *members) Visit(node *ast.Node) {
	if member, ok := (*node).(*ast.MemberNode); ok {
		m.texts = append(m.texts, member.String())
	}
}

func (c condition) value(values map[string]any) (any, error) {
	answer, err := expr.Run(c.program, values)
	if flaw, ok := errors.AsType[*file.Error](err); ok {
		return nil, errors.New(flaw.Message)
	}
	return answer, err
}

// expecting compiles a condition on a kind's result, and on what was saved.
func expecting(text string, kind Kind, saved []string) (condition, error) {
	return compile(text, "a result of "+kind.Name, vocabulary(kind.Result, saved), expr.AsBool())
}

// saving compiles the expression of a value to keep.
func saving(text string, kind Kind, saved []string) (condition, error) {
	return compile(text, "a result of "+kind.Name, vocabulary(kind.Result, saved))
}

// vocabulary is what an expression may name: the fields of a result, by their
// expr tags, and the values that were saved.
func vocabulary(result any, saved []string) types.Map {
	names := types.Map{}
	for field := range reflect.TypeOf(result).Fields() {
		names[field.Tag.Get("expr")] = typeOf(field.Type)
	}
	if len(saved) > 0 {
		kept := types.Map{}
		for _, name := range saved {
			kept[name] = types.Any
		}
		names["saved"] = kept
	}
	return names
}

func typeOf(t reflect.Type) types.Type {
	if t.Kind() == reflect.Interface {
		return types.Any
	}
	return types.TypeOf(reflect.Zero(t).Interface())
}

// meanings are the values of the vocabulary.
func meanings(result any, saved map[string]any) map[string]any {
	values := map[string]any{"saved": saved}
	object := reflect.ValueOf(result)
	for field := range object.Type().Fields() {
		values[field.Tag.Get("expr")] = object.FieldByIndex(field.Index).Interface()
	}
	return values
}
