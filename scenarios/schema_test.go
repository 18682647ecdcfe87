package scenarios_test

import (
	"flag"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/manualtest"
	"github.com/needwant/needwant/internal/yamlfile/yamlfiletest"
	"github.com/needwant/needwant/scenarios"
)

var update = flag.Bool("update", false, "write the schema and the table of kinds")

const (
	published = "../docs/schema/scenario.v1.json"
	manual    = "../docs/scenarios.md"
)

var _ = Describe("the schema of specs", func() {
	It("is published as the Go types have it (go test ./scenarios -update writes it)", func() {
		if *update {
			Expect(os.WriteFile(published, scenarios.Schema(), 0o644)).To(Succeed())
		}
		Expect(os.ReadFile(published)).To(BeEquivalentTo(scenarios.Schema()))
	})

	It("accepts every spec of the library", func() {
		schema := yamlfiletest.Compiled(scenarios.SchemaID, scenarios.Schema())
		for _, entry := range scenarios.Library() {
			Expect(schema.Validate(yamlfiletest.Decoded(entry.File.Text()))).To(Succeed(), entry.Name)
		}
	})

	It("accepts the example of every kind", func() {
		for _, kind := range scenarios.Kinds() {
			Expect(yamlfiletest.Compiled(scenarios.SchemaID, scenarios.Schema()).Validate(yamlfiletest.Decoded(nicHead+"    steps:\n      - "+kind.Example+"\n"))).To(Succeed(), kind.Name)
		}
	})

	DescribeTable("refuses what no editor should let pass:", func(steps string) {
		Expect(yamlfiletest.Compiled(scenarios.SchemaID, scenarios.Schema()).Validate(yamlfiletest.Decoded(nicHead + "    steps:\n" + steps))).NotTo(Succeed())
	},
		Entry("no steps", "      []\n"),
		Entry("a step that does nothing", "      - {expect: 'true'}\n"),
		Entry("a step that does two things", "      - {miio: {method: get_status}, wait: 1s}\n"),
		Entry("an unknown kind", "      - {mio: {method: get_status}}\n"),
		Entry("an unknown argument", "      - {miio: {methd: get_status}}\n"),
		Entry("a time without a unit", "      - {wait: 5}\n"),
		Entry("a password", "      - {mqtt: {broker: 'a:1883', topic: t, username: u, password: secret}}\n"),
	)
})

var _ = Describe("the manual", func() {
	It("describes every kind as the Go types have it (go test ./scenarios -update writes it)", func() {
		var made strings.Builder
		for _, kind := range scenarios.Kinds() {
			made.WriteString(kind.Manual() + "\n")
		}
		manualtest.ExpectPart(manual, "kinds", made.String(), *update)
	})

	It("shows nothing that is not a good spec", func() {
		text, err := os.ReadFile(manual)
		Expect(err).NotTo(HaveOccurred())
		shown := 0
		for i, block := range strings.Split(string(text), "```") {
			yaml, is := strings.CutPrefix(block, "yaml\n")
			if i%2 == 0 || !is || !strings.Contains(yaml, "kind: Scenarios") {
				continue
			}
			shown++
			_, err := scenarios.Parse("docs/scenarios.md", []byte(yaml))
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(shown).To(BeNumerically(">=", 2))
	})
})
