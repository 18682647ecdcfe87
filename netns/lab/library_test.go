package lab_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("The library", Label("norace"), func() {
	It("has the worlds that the documents name", func() {
		document, err := os.ReadFile("../../docs/worlds.md")
		Expect(err).NotTo(HaveOccurred())
		for _, world := range lab.Library() {
			Expect(string(document)).To(ContainSubstring("`" + world.Name + "`"))
			Expect(world.About).NotTo(BeEmpty(), world.Name)
			found, err := lab.Find(world.Name)
			Expect(err).NotTo(HaveOccurred())
			Expect(found).To(Equal(world))
		}
		Expect(labtest.Core()).To(HaveLen(6), "a name is misspelt, or a world is gone")
	})

	It("is the same when it is written down again", func() {
		for _, world := range lab.Library() {
			again, err := labtest.Make(world)
			Expect(err).NotTo(HaveOccurred())
			Expect(again.Device).To(Equal(world.Device), world.Name)
			Expect(again.Destinations).To(Equal(world.Destinations), world.Name)
			Expect([]any{again.Late, again.Watch, again.Duty, again.Assistant}).
				To(Equal([]any{world.Late, world.Watch, world.Duty, world.Assistant}), world.Name)
		}
	})

	It("says where each peculiarity was met", func() {
		for _, world := range labtest.Peculiar() {
			comment, _, _ := strings.Cut(world.Text(), "apiVersion")
			Expect(comment).To(MatchRegexp(`(?s)Reported|[Rr]eport|study`), world.Name)
		}
	})

	DescribeTable("means what it says",
		func(name, scenario string, regime labtest.Regime, cuts ...[]string) {
			world := library(name)
			expected, err := labtest.Expect(world, scenario, regime)
			Expect(err).NotTo(HaveOccurred())
			var ids [][]string
			for _, cut := range cuts {
				var members []string
				for _, key := range cut {
					members = append(members, world.Destinations[key].ID())
				}
				ids = append(ids, members)
			}
			matchers := make([]any, len(ids))
			for i, cut := range ids {
				matchers[i] = ConsistOf(cut)
			}
			Expect(expected.Cuts).To(ConsistOf(matchers...), fmt.Sprint(expected))
		},
		Entry("the S50 and the app", "s50-thread", lab.NativeApp, labtest.Steady,
			[]string{"ec2_a"}, []string{"time_waikato", "time_neu", "time_unleash", "time_catalyst", "time_china"}),
		Entry("the S50 and Home Assistant", "s50-thread", lab.HomeAssistant, labtest.Steady),
		Entry("a lamp that needs nothing", "all-optional", lab.NativeApp, labtest.Steady),
		Entry("one of each, the app", "one-of-each", lab.NativeApp, labtest.Steady,
			[]string{"api"}, []string{"broker"}, []string{"cloud_1", "cloud_2", "cloud_3"}),
		Entry("one of each, Home Assistant", "one-of-each", lab.HomeAssistant, labtest.Steady, []string{"broker"}),
		Entry("fallbacks", "fallbacks", lab.NativeApp, labtest.Steady, []string{"main", "spare", "last"}),
		Entry("fallbacks of what is required", "fallback-of-required", lab.NativeApp, labtest.Steady, []string{"time"}),
		Entry("a plug that runs", "boot-only", lab.NativeApp, labtest.Steady, []string{"cloud"}),
		Entry("a plug that is switched on", "boot-only", lab.NativeApp, labtest.ColdBoot,
			[]string{"cloud"}, []string{"time_1", "time_2"}),
		Entry("a duty cycle", "duty-cycle", lab.HomeAssistant, labtest.Steady, []string{"cloud_1", "cloud_2"}),
		Entry("a late onset", "late-onset", lab.NativeApp, labtest.Steady, []string{"cloud"}),
		Entry("a plug that is power-cycled, before that", "power-cycled", lab.NativeApp, labtest.Steady),
		Entry("a plug that is power-cycled, after that", "power-cycled", lab.NativeApp, labtest.ColdBoot, []string{"cloud"}),
		Entry("a controller that is fooled", "cloud-fallback", lab.HomeAssistant, labtest.Steady, []string{"account", "mqtt"}),
		Entry("a controller that looks at the way", "cloud-fallback", lab.HassLocal, labtest.Steady, []string{"account"}),
		Entry("what answers to its name", "info-only", lab.InfoOnly, labtest.Steady),
	)

	It("has a world that only what is dropped breaks", func() {
		cuts := func(fault labtest.Fault) [][]string {
			expected, err := labtest.ExpectUnder(fault, library("watchdog"), lab.NativeApp, labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			return expected.Cuts
		}
		Expect(cuts(labtest.Rejected)).To(BeEmpty())
		Expect(cuts(labtest.Dropped)).To(ConsistOf([]string{"tcp/443/api.robot.example"}, []string{"udp/8053/ot.robot.example"}))
	})

	It("has every verdict", func() {
		verdicts := func(name string) map[string]string {
			world := library(name)
			expected, err := labtest.Expect(world, world.Scenarios[0], labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			return expected.Verdicts
		}
		Expect(verdicts("one-of-each")).To(And(
			HaveKeyWithValue("tcp/443/api.purifier.example", "required"),
			HaveKeyWithValue("udp/8053/198.51.100.23", "alternative"),
			HaveKeyWithValue("udp/123/2001:db8:20::5", "optional")))
		Expect(verdicts("boot-only")).To(HaveKeyWithValue("udp/123/ntp1.plug.example", "not-exercised"))
		Expect(verdicts("slower")).To(HaveKeyWithValue("udp/8053/ot.shine.example", "degraded"))
		Expect(verdicts("fallback-of-required")).To(And(
			HaveKeyWithValue("udp/123/ntp.light.example", "required"),
			HaveKeyWithValue("tcp/443/check.light.example", "optional"),
			HaveKeyWithValue("udp/123/time.other.example", "optional")))
		Expect(verdicts("fallbacks")).To(HaveKeyWithValue("tcp/8443/backup.hub.example", "optional"))
	})

	It("has one world in which blocking more repairs a function", func() {
		const most = 16 // destinations that can be thought through
		for _, world := range lab.Library() {
			fallbacks := slices.ContainsFunc(slices.Collect(maps.Values(world.Destinations)), func(d lab.Destination) bool { return len(d.After) > 0 })
			if len(world.Destinations) > most && !fallbacks {
				continue // without fallbacks nothing becomes reachable by blocking
			}
			expected, err := labtest.Expect(world, lab.NativeApp, labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			Expect(expected.Monotone).To(Equal(world.Name != "not-monotone"), world.Name)
		}
	})
})

func library(name string) lab.World {
	GinkgoHelper()
	world, err := lab.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return world
}

func parsed(text string) lab.World {
	GinkgoHelper()
	world, err := lab.Parse("spec.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return world
}
