package lablane_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// A stand-in answers with real packets, and the simulated device decides by the answer.
var _ = Describe("what a gateway can stand in for", Label("root"), func() {
	proves := func(ctx SpecContext, world lab.World, settings harness.Settings, replaceable map[string]harness.StandIn, left ...string) {
		GinkgoHelper()
		if settings.StandIns == nil {
			settings.StandIns = harness.StandIns()
		}
		judgement := harness.Judge(experiment(ctx, world, settings))
		for _, column := range judgement.Columns {
			expected := expectation(world, column.Column)
			Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
			Expect(cuts(column)).To(Equal(expected.Cuts), column.Column.ID)
		}
		found, ways := map[string]harness.StandIn{}, map[string]harness.Way{}
		for _, column := range judgement.Columns {
			for d, cell := range column.Cells {
				for _, kind := range cell.Replaceable {
					found[d.String()], ways[d.String()] = kind, cell.Ways[0]
				}
			}
		}
		Expect(found).To(Equal(replaceable))
		Expect(ways).To(Equal(expectedWays(world, judgement)))
		if len(replaceable) == 0 {
			Expect(judgement.Outside).To(BeEmpty())
			return
		}
		remains := []any{}
		for _, id := range left {
			d, err := harness.ParseDestination(id)
			Expect(err).NotTo(HaveOccurred())
			remains = append(remains, d)
		}
		Expect(judgement.Outside).To(HaveEach(HaveField("Left", ConsistOf(remains...))))
		Expect(judgement.Outside).NotTo(BeEmpty())
	}

	ownTime := map[string]harness.StandIn{
		"udp/123/ntp1.camera.example": harness.TimeServer, "udp/123/ntp2.camera.example": harness.TimeServer,
		"icmp/echo/203.0.113.162": harness.EchoReply,
	}
	DescribeTable("is found out", func(ctx SpecContext, name, driver string, fault harness.Fault, replaceable map[string]harness.StandIn, left ...string) {
		proves(ctx, find(name), harness.Settings{Driver: driver, Faults: []harness.Fault{fault}}, replaceable, left...)
	},
		Entry("any time server, and any answer to pings", "own-time", "ipset", harness.Reject, ownTime, SpecTimeout(5*time.Minute)),
		Entry("the same, by iptables, and what is blocked is dropped", Label("slow"), "own-time", "iptables", harness.Drop, ownTime, SpecTimeout(5*time.Minute)),
		Entry("the same, at the names that are blocked", "own-time", "ipset", harness.NXDomain, ownTime, SpecTimeout(5*time.Minute)),
		Entry("not if it is checked whose time it is, at a name that is blocked", Label("slow"), "picky-time", "ipset", harness.NXDomain, map[string]harness.StandIn{}, SpecTimeout(5*time.Minute)),
		Entry("a page, at a name that is blocked", Label("slow"), "probe-204", "iptables", harness.NXDomain,
			map[string]harness.StandIn{"tcp/80/connectivity.display.example": harness.ProbePages}, "tcp/443/api.display.example", SpecTimeout(5*time.Minute)),
		Entry("not if it is checked whose time it is", Label("slow"), "picky-time", "iptables", harness.Reject, map[string]harness.StandIn{}, SpecTimeout(5*time.Minute)),
		Entry("the same, by ipset", Label("slow"), "picky-time", "ipset", harness.Drop, map[string]harness.StandIn{}, SpecTimeout(5*time.Minute)),
		Entry("a page that answers 204", Label("slow"), "probe-204", "ipset", harness.Drop,
			map[string]harness.StandIn{"tcp/80/connectivity.display.example": harness.ProbePages}, "tcp/443/api.display.example", SpecTimeout(5*time.Minute)),
		Entry("the same, by iptables", Label("slow"), "probe-204", "iptables", harness.Reject,
			map[string]harness.StandIn{"tcp/80/connectivity.display.example": harness.ProbePages}, "tcp/443/api.display.example", SpecTimeout(5*time.Minute)),
	)

	DescribeTable("is a time server that DHCP names, and a page that is found by its name", func(ctx SpecContext, driver string, fault harness.Fault, regime harness.Regime, ipv6 bool) {
		world := find("time-by-dhcp")
		if ipv6 {
			var err error
			world, err = labtest.OverIPv6(world)
			Expect(err).NotTo(HaveOccurred())
		}
		leased := map[string]harness.StandIn{}
		for key, kind := range map[string]harness.StandIn{"time": harness.TimeServer, "backup": harness.TimeServer, "page": harness.ProbePages} {
			leased[world.Destinations[key].ID()] = kind
		}
		proves(ctx, world, harness.Settings{Driver: driver, Faults: []harness.Fault{fault}, Regimes: []harness.Regime{regime}}, leased)
	},
		Entry("by ipset", "ipset", harness.Reject, harness.Steady, false, SpecTimeout(5*time.Minute)),
		Entry("by iptables", Label("whole"), "iptables", harness.Drop, harness.Steady, false, SpecTimeout(5*time.Minute)),
		Entry("when it is switched on", Label("whole"), "ipset", harness.Reject, harness.ColdBoot, false, SpecTimeout(5*time.Minute)),
		Entry("over IPv6", Label("whole"), "ipset", harness.Reject, harness.Steady, true, SpecTimeout(5*time.Minute)),
	)

	DescribeTable("is any TLS server, of a device that does not verify certificates", func(ctx SpecContext, driver string) {
		proves(ctx, find("no-pinning"), harness.Settings{Driver: driver, StandIns: harness.AllStandIns()},
			map[string]harness.StandIn{"tcp/443/api.plug.example": harness.ForeignTLS}, "tcp/443/update.plug.example")
	},
		Entry("by ipset", Label("whole"), "ipset", SpecTimeout(5*time.Minute)),
		Entry("by iptables", Label("slow"), "iptables", SpecTimeout(5*time.Minute)),
	)

	DescribeTable("is the miIO cloud, for a device that wants its keep-alives echoed, and a server that accepts it", func(ctx SpecContext, driver string, fault harness.Fault) {
		proves(ctx, find("own-cloud"), harness.Settings{Driver: driver, Faults: []harness.Fault{fault}, StandIns: harness.AllStandIns()},
			map[string]harness.StandIn{"udp/8053/ot.purifier.example": harness.MiIOCloud, "tcp/5222/203.0.113.181": harness.SilentTCP})
	},
		Entry("by ipset", Label("whole"), "ipset", harness.Reject, SpecTimeout(5*time.Minute)),
		Entry("by iptables", Label("slow"), "iptables", harness.Drop, SpecTimeout(5*time.Minute)),
	)

	It("is a resolver that is built in", Label("slow"), func(ctx SpecContext) {
		proves(ctx, find("own-resolver"), harness.Settings{}, map[string]harness.StandIn{"udp/53/8.8.8.8": harness.Resolver}, "udp/8053/p2p.camera.example")
	}, SpecTimeout(5*time.Minute))

	It("is the time that a device needs only when it is switched on", Label("slow"), func(ctx SpecContext) {
		proves(ctx, find("boot-only"), harness.Settings{Regimes: []harness.Regime{harness.ColdBoot}}, map[string]harness.StandIn{
			"udp/123/ntp1.plug.example": harness.TimeServer, "udp/123/ntp2.plug.example": harness.TimeServer,
		}, "udp/8053/ot.plug.example")
	}, SpecTimeout(5*time.Minute))

	DescribeTable("are the five time servers of a real vacuum, so that it needs one server alone", func(ctx SpecContext, driver string) {
		world := find("s50-thread")
		replaceable := map[string]harness.StandIn{}
		for _, d := range world.Destinations {
			if d.Port == 123 {
				replaceable[d.ID()] = harness.TimeServer
			}
		}
		Expect(replaceable).To(HaveLen(5))
		proves(ctx, world, harness.Settings{Driver: driver}, replaceable, world.Destinations["ec2_a"].ID())
	},
		Entry("by ipset", Label("whole"), "ipset", SpecTimeout(5*time.Minute)),
		Entry("by iptables", Label("slow"), "iptables", SpecTimeout(5*time.Minute)),
	)
})

// expectedWays are the gentlest ways to what is replaceable: the simulated device looks up
// each name again, so one name in each cut is enough.
func expectedWays(world lab.World, judgement harness.Judgement) map[string]harness.Way {
	ways := map[string]harness.Way{}
	for _, column := range judgement.Columns {
		for _, cut := range column.Cuts {
			way := harness.WayRedirect
			if slices.ContainsFunc(cut.Destinations, func(d harness.Destination) bool { return d.Host() != "" }) {
				way = harness.WayName
			}
			if world.Device.AsksTime && harness.TimeServer.AnswersFor(cut.Destinations[0]) {
				way = harness.WayOption
			}
			for _, d := range cut.Destinations {
				if cut.Replaceable != nil {
					ways[d.String()] = way
				}
			}
		}
	}
	return ways
}
