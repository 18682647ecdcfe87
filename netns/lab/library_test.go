package lab_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("The library", func() {
	It("has the worlds that the documents name", func() {
		var names []string
		for _, world := range lab.Library() {
			names = append(names, world.Name)
			Expect(world.About).NotTo(BeEmpty(), world.Name)
			found, err := lab.Find(world.Name)
			Expect(err).NotTo(HaveOccurred())
			Expect(found).To(Equal(world))
		}
		Expect(names).To(ConsistOf("s50-thread", "all-optional", "one-of-each", "fallbacks", "boot-only", "not-monotone"))
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
		Entry("a plug that runs", "boot-only", lab.NativeApp, labtest.Steady, []string{"cloud"}),
		Entry("a plug that is switched on", "boot-only", lab.NativeApp, labtest.ColdBoot,
			[]string{"cloud"}, []string{"time_1", "time_2"}),
	)

	It("has every verdict", func() {
		verdicts := func(name string) map[string]string {
			expected, err := labtest.Expect(library(name), lab.NativeApp, labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			return expected.Verdicts
		}
		Expect(verdicts("one-of-each")).To(And(
			HaveKeyWithValue("tcp/443/api.purifier.example", "required"),
			HaveKeyWithValue("udp/8053/198.51.100.23", "alternative"),
			HaveKeyWithValue("udp/123/2001:db8:20::5", "optional")))
		Expect(verdicts("boot-only")).To(HaveKeyWithValue("udp/123/ntp1.plug.example", "not-exercised"))
		Expect(verdicts("fallbacks")).To(HaveKeyWithValue("tcp/8443/backup.hub.example", "optional"))
	})

	It("has one world in which blocking more repairs a function", func() {
		for _, world := range lab.Library() {
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
