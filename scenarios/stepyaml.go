package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/needwant/needwant/internal/yamlfile"
)

// A step is written as one mapping, in which the key that is a kind's name holds
// the action, and all others are of the step itself.

// stepShape checks the mapping of a step.
func stepShape(d *yamlfile.Document, node ast.Node, _ string) error {
	var does string
	err := d.Pairs(node, "a step", func(key *token.Token, value ast.Node) error {
		kind, ok := KindOf(key.Value)
		if !ok {
			return stepFieldShape(d, key, value)
		}
		if does != "" {
			return d.At(key, fmt.Sprintf("one step cannot do both %s and %s", does, key.Value), "make each a step of its own, with a dash before it")
		}
		does = key.Value
		return actionShape(d, kind, value)
	})
	if err == nil && does == "" {
		return d.At(node.GetToken(), "this step does nothing", "give it one of "+strings.Join(kindNames(), ", "))
	}
	return err
}

func stepFieldShape(d *yamlfile.Document, key *token.Token, value ast.Node) error {
	for field := range reflect.TypeFor[Step]().Fields() {
		if key.Value != "" && yamlfile.YAMLName(field) == key.Value {
			return d.Shape(value, field.Type, key.Value)
		}
	}
	return d.UnknownKey(key, "", "a step", append(kindNames(), yamlfile.YAMLNames(reflect.TypeFor[Step]())...))
}

// actionShape checks the arguments of an action, or the one in its short form.
func actionShape(d *yamlfile.Document, kind Kind, value ast.Node) error {
	action := reflect.TypeOf(kind.New()).Elem()
	if short, ok := shortForm(kind, value); ok {
		return d.Shape(value, short.Type, kind.Name)
	}
	return d.Shape(value, action, kind.Name)
}

// shortForm is the argument that a bare value stands for.
func shortForm(kind Kind, value ast.Node) (reflect.StructField, bool) {
	if _, bare := value.(ast.ScalarNode); !bare || kind.Short == "" || value.Type() == ast.NullType {
		return reflect.StructField{}, false
	}
	for field := range reflect.TypeOf(kind.New()).Elem().Fields() {
		if yamlfile.YAMLName(field) == kind.Short {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// UnmarshalYAML reads a step whose shape was found good.
func (s *Step) UnmarshalYAML(node ast.Node) error {
	return pairs(node, func(key string, value ast.Node) error {
		if kind, ok := KindOf(key); ok {
			s.Do = kind.New()
			return readAction(s.Do, kind, value)
		}
		return readField(reflect.ValueOf(s).Elem(), key, value)
	})
}

func readAction(action Action, kind Kind, value ast.Node) error {
	if short, ok := shortForm(kind, value); ok {
		return yaml.NodeToValue(value, reflect.ValueOf(action).Elem().FieldByIndex(short.Index).Addr().Interface())
	}
	return yaml.NodeToValue(value, action)
}

// readField reads the field of a struct that goes by a key.
func readField(object reflect.Value, key string, value ast.Node) error {
	for field := range object.Type().Fields() {
		if yamlfile.YAMLName(field) == key {
			return yaml.NodeToValue(value, object.FieldByIndex(field.Index).Addr().Interface())
		}
	}
	return nil
}

// listShape checks the mapping of scenarios by their names.
func listShape(d *yamlfile.Document, node ast.Node, what string) error {
	return d.Pairs(node, what, func(key *token.Token, value ast.Node) error {
		return d.Shape(value, reflect.TypeFor[Spec](), "scenario "+key.Value)
	})
}

// UnmarshalYAML reads scenarios whose shape was found good, in their order.
func (l *List) UnmarshalYAML(node ast.Node) error {
	return pairs(node, func(key string, value ast.Node) error {
		spec := Spec{Name: key}
		if err := yaml.NodeToValue(value, &spec); err != nil {
			return err
		}
		*l = append(*l, spec)
		return nil
	})
}

func pairs(node ast.Node, read func(key string, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return nil
	}
	for entries := mapping.MapRange(); entries.Next(); {
		if err := read(entries.Key().GetToken().Value, entries.Value()); err != nil {
			return err
		}
	}
	return nil
}

func kindNames() []string {
	var names []string
	for _, kind := range Kinds() {
		names = append(names, kind.Name)
	}
	return slices.Sorted(slices.Values(names))
}
