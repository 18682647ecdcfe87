package yamlfile

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"
)

// Published is the text of a kind of file's JSON Schema (draft-07), to be read from
// id, its address.
func Published(schema *jsonschema.Schema, id, title string) []byte {
	schema.Version = "http://json-schema.org/draft-07/schema#"
	schema.ID = jsonschema.ID(id)
	schema.Title = title
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // it depends on nothing but the types
	}
	return append(text, '\n')
}

// Schema describes a Go type as YAML has it: the keys are those of its yaml tags,
// the descriptions those of its about tags. A type that is written in a way of its
// own is described by special, which returns nil for any other.
func Schema(of any, special func(reflect.Type) *jsonschema.Schema) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		FieldNameTag:   "yaml",
		DoNotReference: true,
		Anonymous:      true,
		LookupComment:  about,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[time.Duration]():
				return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
			case reflect.TypeFor[netip.Addr]():
				return &jsonschema.Schema{Type: "string", AnyOf: []*jsonschema.Schema{{Format: "ipv4"}, {Format: "ipv6"}}}
			}
			return special(t)
		},
	}
	schema := reflector.Reflect(of)
	schema.Version = ""
	return schema
}

// about is the description in the tag of a field, "" if there is none.
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
