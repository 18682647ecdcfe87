package scenarios

import (
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// SchemaID is where the schema of specs is published.
const SchemaID = "https://github.com/needwant/needwant/docs/schema/scenario.v1.json"

// Schema is the JSON Schema (draft-07) of a spec file, made from the Go types.
// It says no more than a schema can: [Parse] checks the rest.
func Schema() []byte {
	return yamlfile.Published(inner(File{}), SchemaID, "A spec of needwant")
}

// schemaOf describes the types that are written in ways of their own.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(env|file):[^\s=]+$`}
	case reflect.TypeFor[TLS]():
		return &jsonschema.Schema{Enum: []any{true, false, string(insecureTLS), string(pinnedTLS)}}
	case reflect.TypeFor[Port]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(tcp|udp)/[1-9][0-9]{0,4}$`}
	case reflect.TypeFor[List]():
		return &jsonschema.Schema{
			Type:                 "object",
			PropertyNames:        &jsonschema.Schema{Pattern: `^[a-z0-9_]{1,64}$`},
			AdditionalProperties: inner(Spec{}),
		}
	case reflect.TypeFor[Step]():
		return stepSchema()
	case reflect.TypeFor[Gateway]():
		return gatewaySchema()
	case reflect.TypeFor[Block]():
		return blockSchema()
	}
	return nil
}

// stepSchema is a mapping with exactly one kind of action in it.
func stepSchema() *jsonschema.Schema {
	type plain Step // without the way that Step itself is described
	step := inner(plain{})
	for _, kind := range Kinds() {
		action := inner(kind.New())
		action.Description = kind.About
		if kind.Short != "" {
			short, _ := action.Properties.Get(kind.Short)
			bare := *short
			action = &jsonschema.Schema{Description: kind.About, AnyOf: []*jsonschema.Schema{action, &bare}}
		}
		step.Properties.Set(kind.Name, action)
		step.OneOf = append(step.OneOf, &jsonschema.Schema{Required: []string{kind.Name}})
	}
	return step
}

// gatewaySchema says which placements there are.
func gatewaySchema() *jsonschema.Schema {
	type plain Gateway // without the way that Gateway itself is described
	gateway := inner(plain{})
	placement, _ := gateway.Properties.Get("placement")
	placement.Enum, placement.Description = anyOf(Placements()), aboutPlacements()
	return gateway
}

// blockSchema says which faults there are.
func blockSchema() *jsonschema.Schema {
	type plain Block // without the way that Block itself is described
	block := inner(plain{})
	faults, _ := block.Properties.Get("faults")
	faults.Items.Enum, faults.Description = anyOf(faultNames(harness.Faults())), aboutFaults()
	return block
}

// aboutFaults lists the faults of each placement with what each does.
func aboutFaults() string {
	about := func(faults []harness.Fault) string {
		var all []string
		for _, fault := range faults {
			all = append(all, fault.About())
		}
		return strings.Join(all, ", ")
	}
	return about(harness.GatewayFaults()) + ". Placement dns has " + about(harness.ResolverFaults()) +
		". The first is the default; with only it is nxdomain. Each is a column of its own."
}

func anyOf(words []string) (values []any) {
	for _, word := range words {
		values = append(values, word)
	}
	return values
}

// inner is the schema of a value, without what only a published one has.
func inner(value any) *jsonschema.Schema { return yamlfile.Schema(value, schemaOf) }

// Manual is the documentation of a kind as Markdown, made from its types.
func (k Kind) Manual() string {
	text := "### `" + k.Name + "`\n\n" + k.About + " " + k.Fails + "\n\n```yaml\n- " + k.Example + "\n```\n\n"
	text += table("argument", reflect.TypeOf(k.New()).Elem(), func(field reflect.StructField) string {
		name := yamlfile.YAMLName(field)
		if name == k.Short {
			return "`" + name + "` (may stand alone)"
		}
		return "`" + name + "`"
	})
	text += "\n" + table("result", reflect.TypeOf(k.Result), func(field reflect.StructField) string {
		return "`" + field.Tag.Get("expr") + "`"
	})
	if k.Expect == "true" {
		return text + "\nDefault of `expect`: `true`, every result passes.\n"
	}
	return text + "\nDefault of `expect`: `" + k.Expect + "`.\n"
}

// table lists fields with what their tags say of them.
func table(head string, t reflect.Type, name func(reflect.StructField) string) string {
	text := "| " + head + " | meaning |\n|---|---|\n"
	for field := range t.Fields() {
		if !field.IsExported() {
			continue
		}
		text += "| " + name(field) + " | " + field.Tag.Get("about") + " |\n"
	}
	return text
}
