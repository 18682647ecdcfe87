package yamlfile

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// child is the value at a key or an index, with the token that leads to it; nil
// if there is none.
func child(node ast.Node, step string) (*token.Token, ast.Node) {
	if sequence, ok := node.(*ast.SequenceNode); ok {
		index, err := strconv.Atoi(step)
		if err != nil || index >= len(sequence.Values) {
			return nil, nil
		}
		return firstKey(sequence.Values[index]), sequence.Values[index]
	}
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return nil, nil
	}
	for entries := mapping.MapRange(); entries.Next(); {
		if key := entries.Key().GetToken(); key.Value == step {
			return key, entries.Value()
		}
	}
	return nil, nil
}

// firstKey is where a mapping begins for people.
func firstKey(node ast.Node) *token.Token {
	if mapping, ok := node.(ast.MapNode); ok {
		if entries := mapping.MapRange(); entries.Next() {
			return entries.Key().GetToken()
		}
	}
	return node.GetToken()
}

// YAMLName is the key of a field, "" where it has none.
func YAMLName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return strings.TrimPrefix(name, "-")
}

// YAMLNames are the keys of a struct's exported fields.
func YAMLNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if field.IsExported() && YAMLName(field) != "" {
			names = append(names, YAMLName(field))
		}
	}
	return names
}
