package lab

import (
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/needwant/needwant/internal/yamlfile"
)

// SchemaID is where the schema of worlds is published.
const SchemaID = "https://github.com/needwant/needwant/docs/schema/world.v1.json"

// Schema is the JSON Schema (draft-07) of a world file, made from the Go types.
// It says no more than a schema can: [Parse] checks the rest.
func Schema() []byte {
	return yamlfile.Published(yamlfile.Schema(World{}, schemaOf), SchemaID, "A world of the needwant lab")
}

// schemaOf describes the types that are written as texts.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[Expression]() {
		return &jsonschema.Schema{Type: "string", Pattern: `^[^!]*$`}
	}
	return nil
}
