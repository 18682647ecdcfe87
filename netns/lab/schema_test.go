package lab_test

import (
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/yamlfile/yamlfiletest"
	"github.com/needwant/needwant/netns/lab"
)

const published = "../../docs/schema/world.v1.json"

var _ = Describe("The schema of worlds", func() {
	It("is published as the Go types have it (go test ./netns/lab -update writes it)", func() {
		if *update {
			Expect(os.WriteFile(published, lab.Schema(), 0o644)).To(Succeed())
		}
		text, err := os.ReadFile(published)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(Equal(string(lab.Schema())))
	})

	It("accepts every library world", func() {
		schema := yamlfiletest.Compiled(lab.SchemaID, lab.Schema())
		for _, world := range lab.Library() {
			Expect(schema.Validate(yamlfiletest.Decoded(world.Text()))).To(Succeed(), world.Name)
		}
	})

	DescribeTable("refuses what no editor should let pass",
		func(tail string) {
			Expect(yamlfiletest.Compiled(lab.SchemaID, lab.Schema()).Validate(yamlfiletest.Decoded(head + tail))).NotTo(Succeed())
		},
		Entry("no destinations", "about: nothing\n"),
		Entry("an unknown key", "destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 1, prot: 1}}\n"),
		Entry("an unknown protocol", "destinations: {a: {addresses: [192.0.2.1], protocol: sctp, port: 1}}\n"),
		Entry("a port too large", "destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 65536}}\n"),
		Entry("an address that is none", "destinations: {a: {addresses: [here], protocol: tcp, port: 1}}\n"),
		Entry("an unknown function", "destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 1}}\nfunctions: {stats: a}\n"),
		Entry("a duration without a unit", "destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 1}}\ntempo: {poll: 5}\n"),
	)
})
