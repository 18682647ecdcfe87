package lablane_test

import (
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// moving has a required name whose address is another one every moment, and an
// optional one.
const moving = `apiVersion: needwant/v1
kind: World
name: moving
device: {model: a.b.c}
tempo: {contact: 60ms, patience: 3, poll: 120ms}
destinations:
  cloud: {host: cloud.example, addresses: [203.0.113.1, 203.0.113.2, "2001:db8::3", 203.0.113.4], rotate: 70ms, ttl: 0s, protocol: tcp, port: 443}
  time:  {host: time.example, addresses: [203.0.113.11, 203.0.113.12], rotate: 50ms, ttl: 0s, protocol: udp, port: 123}
  log:   {addresses: [203.0.113.21], protocol: udp, port: 514}
functions: {status: "cloud", control: "cloud && (time || log)"}
`

// shared has two names on one address and port, of which one is needed.
const shared = `apiVersion: needwant/v1
kind: World
name: shared
device: {model: a.b.c}
tempo: {contact: 60ms, patience: 3, poll: 120ms}
destinations:
  api: {host: z-api.example, addresses: [203.0.113.1], protocol: tcp, port: 443}
  log: {host: a-log.example, addresses: [203.0.113.1], protocol: tcp, port: 443}
functions: {control: "api"}
`

func parsed(text string) lab.World {
	GinkgoHelper()
	world, err := lab.Parse("world.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return world
}

var _ = Describe("names whose addresses move", Label("root"), func() {
	for _, driver := range []string{"ipset", "iptables"} {
		labels := Label()
		if driver == "iptables" { // left to make torture
			labels = Label("slow")
		}
		It("come to the world's own matrix, and no packet to a blocked one gets out, by "+driver, labels, func(ctx SpecContext) {
			world := parsed(moving)
			run := lablane.NewRun(world, harness.Settings{Driver: driver, Faults: []harness.Fault{harness.Reject}})
			lane := start(ctx, run, world, 1)
			spy := &spy{Gateway: lane.Bench.Gateway}
			lane.Bench.Gateway = spy
			sent := capture(lane.Lab.Gateway.Namespace, lane.Lab.Gateway.Uplink)
			e := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: told{}}
			Expect(e.Do(ctx)).To(Succeed())

			judgement := harness.Judge(e.Run)
			expectTrue(world, judgement)
			packets := sent()
			for _, window := range spy.windows {
				Expect(window.leaked(packets, judgement)).To(BeEmpty(), "while %v was blocked", window.blocked)
			}
			for _, row := range judgement.Rows {
				if row.Contact.Destination.Host() == "cloud.example" {
					Expect(row.Contact.Addresses).To(HaveLen(4), "it really moved")
				}
			}
		}, SpecTimeout(2*time.Minute))
	}

	It("come to it when the names are blocked", func(ctx SpecContext) {
		world := parsed(moving)
		run := experiment(ctx, world, harness.Settings{Faults: []harness.Fault{harness.NXDomain}})
		expectTrue(world, harness.Judge(run))
	}, SpecTimeout(2*time.Minute))
})

// expectTrue compares a judgement with what the world's own text says.
func expectTrue(world lab.World, judgement harness.Judgement) {
	GinkgoHelper()
	for _, column := range judgement.Columns {
		expected, err := labtest.ExpectByName(world, column.Column.Scenario.Name, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
		Expect(column.Certified).To(Equal(certificate(expected)), column.Column.ID)
	}
}

var _ = Describe("two names on one address and port", Label("root"), func() {
	api, log := destination("tcp/443/z-api.example"), destination("tcp/443/a-log.example")

	It("are one row under reject, which names the other", func(ctx SpecContext) {
		judgement := harness.Judge(experiment(ctx, parsed(shared), harness.Settings{Lanes: 2}))
		Expect(judgement.Rows).To(HaveExactElements(HaveField("Contact", And(
			HaveField("Destination", log), HaveField("Collateral", HaveExactElements("z-api.example")),
			HaveField("Addresses", HaveExactElements(netip.MustParseAddr("203.0.113.1")))))))
		Expect(verdicts(judgement.Columns[0])).To(Equal(map[string]string{log.String(): "required"}))
	}, SpecTimeout(2*time.Minute))

	It("are told apart under nxdomain, and each names the other", func(ctx SpecContext) {
		world := parsed(shared)
		judgement := harness.Judge(experiment(ctx, world, harness.Settings{Faults: []harness.Fault{harness.NXDomain}}))
		expectTrue(world, judgement)
		Expect(judgement.Rows).To(HaveExactElements(
			HaveField("Contact", And(HaveField("Destination", log), HaveField("Collateral", HaveExactElements("z-api.example")))),
			HaveField("Contact", And(HaveField("Destination", api), HaveField("Collateral", HaveExactElements("a-log.example"))))))
	}, SpecTimeout(2*time.Minute))

	It("are two rows in a run with both faults, of which reject blocks both at once", func(ctx SpecContext) {
		run := experiment(ctx, parsed(shared), harness.Settings{Faults: []harness.Fault{harness.Reject, harness.NXDomain}})
		columns := harness.Judge(run).Columns
		Expect(columns[0].Column.ID).To(Equal("native_app/reject"))
		Expect(verdicts(columns[0])).To(Equal(map[string]string{api.String(): "required", log.String(): "required"}))
		Expect(columns[1].Column.ID).To(Equal("native_app/nxdomain"))
		Expect(verdicts(columns[1])).To(Equal(map[string]string{api.String(): "required", log.String(): "optional"}))
	}, SpecTimeout(2*time.Minute))
})

func destination(id string) harness.Destination {
	d, err := harness.ParseDestination(id)
	if err != nil {
		panic(err) // it is written above
	}
	return d
}
