package yamlfile

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Shape checks that a node can be decoded into a value of type t, whose fields
// are named by their yaml tags. What names the node for people.
func (d *Document) Shape(node ast.Node, t reflect.Type, what string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch node.(type) {
	case *ast.NullNode:
		return d.At(node.GetToken(), what+" has no value", "give it one, or leave the key out")
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return d.At(node.GetToken(), "anchors, aliases and tags are not allowed", "write the value out")
	}
	if shape, ok := d.format.Shapes[t]; ok {
		return shape(d, node, what)
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if text := node.GetToken().Value; isKind(reflect.Uint)(node, text) && text != "0" {
			return d.At(node.GetToken(), what+" has no unit: "+strconv.Quote(text), "write "+text+"s for seconds, or another unit such as ms, m or h")
		}
		return d.Scalar(node, what, "a duration such as 200ms or 3s", isDuration)
	case t == reflect.TypeFor[netip.Addr]():
		return d.Scalar(node, what, "an IPv4 or IPv6 address", isAddress)
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.fields(node, t, what)
	case reflect.Map:
		return d.entries(node, t, what)
	case reflect.Slice:
		return d.elements(node, t, what)
	case reflect.Interface:
		return d.anything(node, what)
	}
	return d.Scalar(node, what, kindName(t.Kind()), isKind(t.Kind()))
}

// fields checks a mapping whose keys are known.
func (d *Document) fields(node ast.Node, t reflect.Type, what string) error {
	return d.Pairs(node, what, func(key *token.Token, value ast.Node) error {
		for field := range t.Fields() {
			if field.IsExported() && key.Value != "" && YAMLName(field) == key.Value {
				return d.Shape(value, field.Type, key.Value)
			}
		}
		return d.UnknownKey(key, d.format.Keys[t], what, YAMLNames(t))
	})
}

// UnknownKey refuses a key and suggests another. The noun says what the keys
// are; "" means just that.
func (d *Document) UnknownKey(key *token.Token, noun, what string, known []string) error {
	if noun == "" {
		noun = "key"
	}
	return d.At(key, fmt.Sprintf("unknown %s %q in %s", noun, key.Value, what), Suggest(key.Value, known))
}

// entries checks a mapping whose keys are free.
func (d *Document) entries(node ast.Node, t reflect.Type, what string) error {
	return d.Pairs(node, what, func(key *token.Token, value ast.Node) error {
		return d.Shape(value, t.Elem(), key.Value)
	})
}

// Pairs checks each pair of a mapping.
func (d *Document) Pairs(node ast.Node, what string, check func(key *token.Token, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return d.At(node.GetToken(), what+" must be a mapping", "write key: value")
	}
	for entries := mapping.MapRange(); entries.Next(); {
		key := entries.Key()
		switch key.(type) {
		case *ast.MergeKeyNode, *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MappingKeyNode:
			return d.At(key.GetToken(), "anchors, aliases, tags and complex keys are not allowed", "write the value out")
		}
		if err := check(key.GetToken(), entries.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Document) elements(node ast.Node, t reflect.Type, what string) error {
	sequence, ok := node.(*ast.SequenceNode)
	if _, mapping := node.(ast.MapNode); mapping {
		return d.At(node.GetToken(), what+" must be a list", "begin each entry with a dash and a blank: - key: value")
	}
	if !ok {
		return d.At(node.GetToken(), what+" must be a list", "write it in brackets: ["+node.GetToken().Value+"]")
	}
	for _, value := range sequence.Values {
		if err := d.Shape(value, t.Elem(), what); err != nil {
			return err
		}
	}
	return nil
}

// anything refuses only what no value of ours may have.
func (d *Document) anything(node ast.Node, what string) error {
	switch node := node.(type) {
	case ast.MapNode:
		return d.entries(node.(ast.Node), reflect.TypeFor[map[string]any](), what)
	case *ast.SequenceNode:
		return d.elements(node, reflect.TypeFor[[]any](), what)
	}
	return nil
}

// Scalar checks a single value by its text.
func (d *Document) Scalar(node ast.Node, what, wanted string, fits func(node ast.Node, text string) bool) error {
	text := node.GetToken().Value
	if _, ok := node.(ast.ScalarNode); ok && fits(node, text) {
		return nil
	}
	return d.At(node.GetToken(), fmt.Sprintf("%s is not %s: %q", what, wanted, text), "write "+wanted)
}

func isDuration(_ ast.Node, text string) bool {
	duration, err := time.ParseDuration(text)
	return err == nil && duration >= 0
}

func isAddress(_ ast.Node, text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Zone() == ""
}

func isKind(kind reflect.Kind) func(ast.Node, string) bool {
	return func(node ast.Node, text string) bool {
		switch kind {
		case reflect.String:
			return true
		case reflect.Bool:
			return node.Type() == ast.BoolType
		case reflect.Float64:
			_, err := strconv.ParseFloat(text, 64)
			return err == nil && (node.Type() == ast.FloatType || node.Type() == ast.IntegerType)
		case reflect.Uint16:
			_, err := strconv.ParseUint(text, 10, 16)
			return err == nil && node.Type() == ast.IntegerType
		}
		_, err := strconv.ParseInt(text, 10, 32)
		return err == nil && node.Type() == ast.IntegerType
	}
}

func kindName(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Uint16:
		return "a number from 1 to 65535"
	case reflect.Int:
		return "a whole number"
	}
	return "a text"
}
