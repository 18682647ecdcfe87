package lab

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"
)

// SchemaID is where the schema of worlds is published.
const SchemaID = "https://github.com/needwant/needwant/docs/schema/world.v1.json"

// Schema is the JSON Schema (draft-07) of a world file, made from the Go types.
// It says no more than a schema can: [Parse] checks the rest.
func Schema() []byte {
	reflector := jsonschema.Reflector{
		FieldNameTag:   "yaml",
		DoNotReference: true,
		Anonymous:      true,
		Mapper:         schemaOf,
		LookupComment:  about,
	}
	schema := reflector.Reflect(World{})
	schema.Version = "http://json-schema.org/draft-07/schema#"
	schema.ID = SchemaID
	schema.Title = "A world of the needwant lab"
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // it depends on nothing but the types
	}
	return append(text, '\n')
}

// schemaOf describes the types that are written as texts.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[netip.Addr]():
		return &jsonschema.Schema{Type: "string", AnyOf: []*jsonschema.Schema{{Format: "ipv4"}, {Format: "ipv6"}}}
	case reflect.TypeFor[Expression]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[^!]*$`}
	}
	return nil
}

// about finds the description that stands in a field's tag.
func about(t reflect.Type, name string) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	field, ok := t.FieldByName(name)
	if !ok {
		return ""
	}
	return field.Tag.Get("about")
}
