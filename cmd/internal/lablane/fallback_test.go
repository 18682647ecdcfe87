package lablane_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// Worlds with a host that is contacted only while others are out of reach.
var _ = Describe("what is contacted only while something else is blocked", Label("root", "slow"), func() {
	world := func(name, after, control string) lab.World {
		GinkgoHelper()
		w, err := lab.Parse(name, []byte(`apiVersion: needwant/v1
kind: World
name: `+name+`
device: {model: example.light.v1}
tempo: {contact: 100ms, patience: 3, poll: 200ms}
destinations:
  a:     {host: a.light.example, addresses: [203.0.113.10], protocol: tcp, port: 443}
  b:     {host: b.light.example, addresses: [203.0.113.11], protocol: udp, port: 8053}
  log:   {host: log.light.example, addresses: [203.0.113.12], protocol: tcp, port: 8443}
  check: {host: check.light.example, addresses: [203.0.113.13], protocol: tcp, port: 443, after: `+after+`}
functions: {control: "`+control+`"}
scenarios: [native_app]
`))
		Expect(err).NotTo(HaveOccurred())
		return w
	}
	check := func(ctx SpecContext, world lab.World) harness.Cell {
		GinkgoHelper()
		column := harness.Judge(experiment(ctx, world, harness.Settings{})).Columns[0]
		expected := expectation(world, column.Column)
		Expect(verdicts(column)).To(Equal(expected.Verdicts))
		Expect(cuts(column)).To(Equal(expected.Cuts))
		Expect(column.Certified).To(Equal("exact"))
		return column.Cells[harness.Destination{Protocol: "tcp", Port: 443, Name: "check.light.example"}]
	}

	It("is decided if that is a whole group", func(ctx SpecContext) {
		cell := check(ctx, world("fallback-of-group", "[a, b]", "a || b"))
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.OnlyWhile).To(HaveLen(1))
	}, SpecTimeout(3*time.Minute))

	It("is tried if that is a part of a group", func(ctx SpecContext) {
		cell := check(ctx, world("fallback-of-part", "[a]", "a || b"))
		Expect(cell.Verdict).To(Equal(harness.Optional))
		Expect(cell.OnlyWhile).To(BeEmpty())
		Expect(cell.Attempts).To(BeNumerically(">", 0))
	}, SpecTimeout(3*time.Minute))
})
