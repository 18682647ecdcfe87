// Package yamlfiletest is what the specs of the kinds of YAML files share. Only specs
// import it.
package yamlfiletest

import (
	"bytes"
	"encoding/json"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Compiled is a published schema, ready to validate. It must be of draft-07.
func Compiled(id string, text []byte) *jsonschema.Schema {
	GinkgoHelper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020) // the schema itself must say draft-07
	compiler.AssertFormat()
	Expect(compiler.AddResource(id, document)).To(Succeed())
	schema, err := compiler.Compile(id)
	Expect(err).NotTo(HaveOccurred())
	Expect(schema.DraftVersion).To(Equal(7))
	return schema
}

// Decoded is a YAML text as a schema validates it.
func Decoded(text string) any {
	GinkgoHelper()
	var value any // yaml.YAMLToJSON does not escape control characters as JSON has it
	Expect(yaml.Unmarshal([]byte(text), &value)).To(Succeed())
	asJSON, err := json.Marshal(value)
	Expect(err).NotTo(HaveOccurred())
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	Expect(err).NotTo(HaveOccurred())
	return document
}
