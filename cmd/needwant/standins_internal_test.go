package main

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the stand-ins of a run", func() {
	nothing := []harness.StandIn{}

	DescribeTable("are what --stand-ins says, or all usual ones", func(names []string, list bool, want []harness.StandIn) {
		kinds, err := standIns(names, list)
		if want == nil {
			Expect(err).To(HaveOccurred())
			return
		}
		Expect(err).NotTo(HaveOccurred())
		Expect(kinds).To(And(Equal(want), Not(BeNil())), "nil is what the spec says")
	},
		Entry("nothing said", nil, false, harness.StandIns()),
		Entry("nothing said, of a blocklist", nil, true, nothing),
		Entry("none, of a blocklist", []string{"none"}, true, nothing),
		Entry("one, of a blocklist", []string{"ntp"}, true, nil),
		Entry("none", []string{"none"}, false, nothing),
		Entry("one, twice", []string{"ntp", "ntp"}, false, []harness.StandIn{harness.TimeServer}),
		Entry("none and one", []string{"none", "ntp"}, false, nil),
		Entry("a word that is not one", []string{"time"}, false, nil),
	)

	DescribeTable("are those of the spec, unless the flag says otherwise", func(placement string, spec, names []string, want []harness.StandIn, refused bool) {
		file := scenarios.File{Gateway: scenarios.Gateway{Placement: placement}, Block: scenarios.Block{Faults: []string{"reject"}, StandIns: spec}}
		f := bisectFlags{standIns: names}
		err := f.chooseStandIns(file)
		Expect(err != nil).To(Equal(refused))
		if refused {
			Expect(err).To(MatchError(ContainSubstring("placement " + placement + " has no stand-ins")))
			return
		}
		if f.settings.StandIns == nil { // the spec decides
			f.settings.StandIns = append(nothing, file.Block.Kinds()...)
		}
		Expect(f.settings.StandIns).To(Equal(want))
	},
		Entry("nothing said", "nic", nil, nil, harness.StandIns(), false),
		Entry("the spec names one", "nic", []string{"icmp"}, nil, []harness.StandIn{harness.EchoReply}, false),
		Entry("the spec wants none", "nic", []string{}, nil, nothing, false),
		Entry("the flag names another", "nic", []string{"icmp"}, []string{"ntp"}, []harness.StandIn{harness.TimeServer}, false),
		Entry("the flag wants none", "nic", []string{"icmp"}, []string{"none"}, nothing, false),
		Entry("nothing said, among the machine's own rules", "host", nil, nil, harness.StandIns(), false),
		Entry("nothing said, for a resolver", "dns", nil, nil, nothing, false),
		Entry("the flag wants none there", "dns", nil, []string{"none"}, nothing, false),
		Entry("the flag names one for a resolver", "dns", nil, []string{"ntp"}, nil, true),
	)
})
