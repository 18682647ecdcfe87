package main

import (
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the scenarios of why", func() {
	watched := func(name string) scenarios.Spec { return scenarios.Spec{Name: name, During: "continuous"} }
	asking := scenarios.Spec{Name: "ask", Steps: []scenarios.Step{{Do: &scenarios.Prompt{}}}}

	DescribeTable("are judged as one, except for those that are watched", func(list scenarios.List, want ...string) {
		all := joined(list, list.Infos(scenarios.Neighbourhood{}))
		Expect(all).To(HaveLen(len(want)))
		for i, name := range want {
			Expect(all[i].Name).To(Equal(name))
		}
	},
		Entry("one alone", scenarios.List{{Name: "a"}}, "a"),
		Entry("one, and one that is watched", scenarios.List{watched("w"), {Name: "a"}}, "w", "a"),
		Entry("two", scenarios.List{{Name: "a"}, watched("w"), {Name: "b"}}, "w", "everything"),
		Entry("one that is watched and has the name", scenarios.List{watched("everything"), {Name: "a"}, {Name: "b"}}, "everything", "everything_"),
	)

	It("are of a device that this machine knows, or that the user gave", func() {
		flags := whyFlags{device: "192.168.1.50", mac: "7c:49:eb:00:00:50", placement: "host", inside: "br-lan", uplink: "wan"}
		file, _, err := flags.spec(nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Device.MAC).To(Equal("7c:49:eb:00:00:50"))
		const head = "IP address       HW type     Flags       HW address            Mask     Device\n"
		table := head + strings.Repeat("192.168.1.9      0x1         0x2         02:00:00:00:00:09     *        br-lan\n", 100) +
			"192.168.1.50     0x1         0x2         7c:49:eb:00:00:50     *        br-lan\n192.168.1.51     0x1         0x0         00:00:00:00:00:00     *        br-lan\n"
		Expect(neighbourAt(table, netip.MustParseAddr("192.168.1.50")).String()).To(Equal("7c:49:eb:00:00:50"))
		Expect(neighbourAt(table, netip.MustParseAddr("192.168.1.51"))).To(BeNil())
		Expect(neighbourAt(head, netip.MustParseAddr("192.168.1.50"))).To(BeNil())
	})

	It("are remembered, in the order in which they are checked", func() {
		list := scenarios.List{{Name: "b"}, {Name: "a"}, asking}
		Expect(joined(list, list.Infos(scenarios.Neighbourhood{}))).To(HaveExactElements(harness.ScenarioInfo{
			Name: "everything", Title: "Does everything work?", Vantage: "gateway", Person: true, Of: []string{"b", "a", "ask"},
		}))
	})
})
