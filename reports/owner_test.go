package reports_test

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the owners of destinations", func() {
	frankfurt := reports.Place{Country: "DE", CountryName: "Germany", Network: "AS16509 Amazon.com, Inc."}
	wherever := func(netip.Addr) (reports.Place, error) { return frankfurt, nil }

	run := func(makers ...string) reports.Matrix {
		contact := func(name string, addresses ...string) harness.Row {
			c := harness.Contact{Destination: harness.Destination{Protocol: harness.TCP, Port: 443, Name: name}}
			for _, a := range addresses {
				c.Addresses = append(c.Addresses, netip.MustParseAddr(a))
			}
			return harness.Row{Contact: c, FirstSeen: "control"}
		}
		judgement := harness.Judgement{Rows: []harness.Row{
			contact("ot.io.mi.com", "203.0.113.1"),
			contact("ec2-18-194-236-76.eu-central-1.compute.amazonaws.com", "18.194.236.76"),
			contact("203.0.113.9"),
		}}
		return reports.New(harness.Run{Device: harness.Device{Maker: makers}}, judgement)
	}
	rendered := func(format string, m reports.Matrix) string {
		GinkgoHelper()
		var out bytes.Buffer
		Expect(reports.Render(&out, format, reports.Report{Matrix: m})).To(Succeed())
		return out.String()
	}

	It("are the domains that the names were registered in, and the maker only if the spec says so", func() {
		m := run()
		Expect(m.Rows[0].Destination.Owner).To(Equal(reports.Owner{Domain: "mi.com"}))
		Expect(m.Rows[1].Destination.Owner).To(Equal(reports.Owner{Domain: "amazonaws.com"}))
		Expect(m.Rows[2].Destination.Owner).To(BeZero())
		Expect(rendered("md", m)).NotTo(ContainSubstring("first party"))
		m = run("xiaomi.com", "mi.com")
		Expect(m.Rows[0].Destination.Owner).To(Equal(reports.Owner{Domain: "mi.com", FirstParty: true}))
		Expect(m.Rows[1].Destination.Owner.FirstParty).To(BeFalse())
		Expect(rendered("md", m)).To(ContainSubstring("| ot.io.mi.com (first party) |"))
	})

	It("have places in every format, with and without a name", func() {
		m := run("mi.com")
		Expect(m.Locate(wherever)).To(Succeed())
		Expect(rendered("md", m)).To(And(
			ContainSubstring("| 203.0.113.1 | ot.io.mi.com (first party; Germany, AS16509 Amazon.com, Inc.) |"),
			ContainSubstring("| 203.0.113.9 | Germany, AS16509 Amazon.com, Inc. |")))
		Expect(rendered("csv", m)).To(ContainSubstring(`"ot.io.mi.com (first party; Germany, AS16509 Amazon.com, Inc.)"`))
		Expect(strings.Join(strings.Fields(rendered("text", m)), " ")).To(And(ContainSubstring("Where they are"),
			ContainSubstring("first party; Germany, AS16509 Amazon.com, Inc.: ot.io.mi.com."),
			ContainSubstring("Germany, AS16509 Amazon.com, Inc.: ec2-18-194-236-76.eu-central-1.compute.amazonaws.com and 203.0.113.9.")))
		Expect(rendered("html", m)).To(And(ContainSubstring("first party"), ContainSubstring("Germany, AS16509 Amazon.com, Inc.")))
		Expect(rendered("json", m)).To(ContainSubstring(`"country": "DE"`))
	})

	It("list two places at most, and each once", func() {
		m := run()
		m.Rows[0].Destination.Addresses = []string{"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"}
		Expect(m.Locate(func(a netip.Addr) (reports.Place, error) {
			return reports.Place{Country: []string{"AA", "AA", "BB", "CC"}[a.As4()[3]%4]}, nil
		})).To(Succeed())
		Expect(rendered("md", m)).To(ContainSubstring("| ot.io.mi.com (AA; BB; 1 other network) |"))
	})

	It("are not guessed if the database cannot be read", func() {
		m := run()
		Expect(m.Locate(func(netip.Addr) (reports.Place, error) { return reports.Place{}, errors.New("damaged") })).To(MatchError("damaged"))
	})

	It("are in the table of what was imported", func() {
		var out bytes.Buffer
		Expect(reports.RenderSeen(&out, "md", vacuum(), 0, wherever)).To(Succeed())
		Expect(out.String()).To(ContainSubstring("Germany, AS16509 Amazon.com, Inc."))
		out.Reset()
		Expect(reports.RenderSeen(&out, "text", vacuum(), 0, wherever)).To(Succeed())
		Expect(out.String()).To(ContainSubstring("WHERE"))
	})
})
