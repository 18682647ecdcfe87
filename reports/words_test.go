package reports_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the forum's table", func() {
	It("has the forum's heads, word for word", func() {
		Expect(markdown(sample())).To(ContainSubstring(
			"| Destination IP | Destination URL/Location | Protocol | Port | Service | Required for Native App? | Required for HASS? |"))
		var out bytes.Buffer
		Expect(reports.CSV(&out, sample())).To(Succeed())
		Expect(out.String()).To(HavePrefix(
			"Destination IP,Destination URL/Location,Protocol,Port,Service,Required for Native App?,Required for HASS?,"))
	})

	It("names every address of a destination", func() {
		Expect(markdown(unsettled())).To(ContainSubstring("| 192.0.2.1, 192.0.2.2, 2001:db8::1234:5678:9abc:def0 | ot.io.mi.com |"))
	})

	It("uses the words that the verdicts have", func() {
		text := markdown(sample()) + markdown(unsettled())
		for _, verdict := range []harness.Verdict{harness.Required, harness.Alternative, harness.Optional, harness.Degraded, harness.NotExercised, harness.Undecided} {
			Expect(text).To(ContainSubstring("| " + string(verdict)))
		}
	})

	It("says which columns are which, where titles are the same", func() {
		m := sample()
		m.Columns[1].Title = m.Columns[0].Title
		Expect(markdown(m)).To(ContainSubstring("| Required for Native App? (native_app) | Required for Native App? (hass) |"))
		Expect(markdown(unsettled())).To(ContainSubstring("| Works from afar? (steady, reject) | Works from afar? (steady, drop) | Works from afar? (cold boot, reject) |"))
	})

	It("gives columns that need the same group one letter", func() {
		m := sample()
		m.Cuts = append(m.Cuts, reports.Cut{ID: "c3", Column: "hass", Destinations: m.Cuts[1].Destinations},
			reports.Cut{ID: "c4", Column: "hass", Destinations: m.Cuts[1].Destinations[:2]})
		m.Rows[2].Cells["hass"] = reports.Cell{Verdict: harness.Alternative, Cuts: []string{"c3", "c4"}}
		Expect(markdown(m)).To(ContainSubstring("| alternative: needs 1 of 5 (group A) | alternative: needs 1 of 5 (group A) and 1 of 2 (group B) |"))
	})
})

var _ = Describe("the sentences below the table", func() {
	DescribeTable("say how far a column is certified", func(certified, sentence string) {
		m := sample()
		m.Columns[0].Certified = certified
		Expect(markdown(m)).To(ContainSubstring(sentence))
	},
		Entry(nil, "exact", "if blocking more never repairs the device, no other cut exists"),
		Entry(nil, "order 1", "any cut not listed here contains at least 2 of the listed alternatives"),
		Entry(nil, "order 3", "any cut not listed here contains at least 4 of the listed alternatives"),
		Entry(nil, "none", "Not certified"),
		Entry(nil, "order of some kind", "Not certified"),
	)

	It("do not call a column free of needs while anything is open", func() {
		Expect(markdown(sample())).To(ContainSubstring("Nothing that was seen is needed."))
		Expect(markdown(unsettled())).NotTo(ContainSubstring("Nothing that was seen is needed."))
	})

	It("say when no single trial blocked the whole safe list", func() {
		m := sample()
		m.Safe = m.Safe[2:]
		m.Safe[0].Trial = 0
		Expect(markdown(m)).To(ContainSubstring("(no single trial blocked all of it)"))
	})

	It("tell of every open cell, once", func() {
		m := sample()
		m.Rows[0].Cells["hass"] = reports.Cell{Verdict: harness.Undecided, Why: "Two trials disagree."}
		m.Rows[1].Cells["hass"] = m.Rows[0].Cells["hass"]
		Expect(strings.Count(markdown(m), "hass: undecided: ")).To(Equal(1))
		Expect(strings.Count(markdown(m), "Two trials disagree.")).To(Equal(1), "the reason of two cells is said once")
		m.Unknown = []reports.Unknown{{Column: "hass", Why: "trials 3 and 4 disagree", Destinations: []harness.Destination{m.Rows[0].Destination.ID, m.Rows[1].Destination.ID}}}
		Expect(markdown(m)).To(SatisfyAll(ContainSubstring("trials 3 and 4 disagree"), Not(ContainSubstring("Two trials"))))
	})
})

var _ = Describe("a format", func() {
	It("that does not exist is refused with those that do", func() {
		err := reports.Render(&bytes.Buffer{}, "pdf", reports.Report{})
		Expect(err).To(MatchError(`there is no format "pdf": choose one of json, html, md, text, csv, junit, openmetrics`))
		Expect(err).To(MatchError(reports.UnknownFormatError("pdf")))
	})

	for _, format := range reports.Formats() {
		It("passes on what went wrong with the writing: "+format.Name, func() {
			Expect(format.Render(brokenPipe{}, reports.Report{Matrix: sample()})).To(MatchError(errBroken))
		})
	}
})

func markdown(m reports.Matrix) string {
	GinkgoHelper()
	var out bytes.Buffer
	Expect(reports.Render(&out, "md", reports.Report{Matrix: m})).To(Succeed())
	return out.String()
}

var errBroken = errors.New("broken pipe")

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

var _ = Describe("what a report says of a device that goes past the resolver", func() {
	DescribeTable("names the way", func(change func(*reports.Destination), sentence string) {
		m := sample()
		change(&m.Rows[2].Destination)
		Expect(markdown(m)).To(ContainSubstring(sentence))
	},
		Entry("in private", func(d *reports.Destination) { d.Private = "DNS over TLS at Google" },
			"The device goes past the resolver: it asks 61.161.155.29 on udp/123 for names, by DNS over TLS at Google, which the gateway cannot read."),
		Entry("written in", func(d *reports.Destination) { d.ID.Port = 53 },
			"for names, and not the resolver that it was given; the gateway answered in its place"),
		Entry("by QUIC", func(d *reports.Destination) { d.ID.Port = 443 }, "is QUIC, in which the gateway reads no server's name."),
		Entry("under a name of its own", func(d *reports.Destination) { d.Named = "tls" }, "its name is what the device asked the server by."),
	)

	It("lists the names that the home's resolver blocks, each once", func() {
		run, judgement := s50()
		Expect(markdown(reports.New(run, judgement))).NotTo(ContainSubstring("resolver blocks"))
		null, loopback := netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("127.0.0.1")
		for i, address := range []netip.Addr{loopback, null, loopback} {
			run.Results[i].Seen.Sinkholes = []harness.Sinkhole{{Name: "log.example", Addresses: []netip.Addr{address}}}
		}
		run.Results[3].Seen.Sinkholes = []harness.Sinkhole{{Name: "ads.example", Addresses: []netip.Addr{null}}}
		m := reports.New(run, judgement)
		Expect(m.Run.Sinkholes).To(HaveExactElements(
			harness.Sinkhole{Name: "ads.example", Addresses: []netip.Addr{null}},
			harness.Sinkhole{Name: "log.example", Addresses: []netip.Addr{null, loopback}}))
		Expect(markdown(m)).To(ContainSubstring("The home's resolver blocks ads.example (it answers 0.0.0.0) and log.example (it answers 0.0.0.0 and 127.0.0.1), always or at times."))
	})

	It("shortens the list of names that the home's resolver blocks", func() {
		run, judgement := s50()
		for i := range 300 {
			run.Results[0].Seen.Sinkholes = append(run.Results[0].Seen.Sinkholes,
				harness.Sinkhole{Name: fmt.Sprintf("n%d.example", i), Addresses: []netip.Addr{netip.IPv4Unspecified()}})
		}
		Expect(markdown(reports.New(run, judgement))).To(ContainSubstring("and 290 more, always or at times."))
	})

	It("says what the device sent that no block tests", func() {
		run, judgement := s50()
		for i := range run.Results[:3] {
			run.Results[i].Seen.Untested = []harness.Untested{
				{What: "GRE", To: netip.MustParseAddr("203.0.113.9"), Packets: 4, Dropped: true},
				{What: "ICMP TimestampRequest", To: netip.MustParseAddr("203.0.113.99"), Packets: 1},
			}
		}
		m := reports.New(run, judgement)
		Expect(m.Run.Untested).To(HaveExactElements(HaveField("Packets", 12), HaveField("Packets", 3)))
		Expect(markdown(m)).To(ContainSubstring(
			"Seen and not tested: GRE to 203.0.113.9 (12 packets, dropped) and ICMP TimestampRequest to 203.0.113.99 (3 packets)."))
	})

	It("says who in the home network the device could not call", func() {
		run, judgement := s50()
		Expect(markdown(reports.New(run, judgement))).NotTo(ContainSubstring("connections to the home network"))
		run.Settings.Isolated, run.Settings.Controllers = true, []string{"192.168.1.5"}
		for i := range run.Results {
			run.Results[i].Seen.Home = []string{"tcp/3128/192.168.1.9"}
		}
		Expect(markdown(reports.New(run, judgement))).To(And(
			ContainSubstring("could not open connections to the home network, except to 192.168.1.5; it could only reply."),
			ContainSubstring("It called there without success: tcp/3128/192.168.1.9.")))
	})
})
