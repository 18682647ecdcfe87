package harness_test

import (
	"context"
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("an experiment that begins with imported destinations", func() {
	fan := formula{
		contacts:  []string{"cloud", "ads"},
		scenarios: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("cloud") }},
	}
	experiment := func(always []harness.Pattern, seen ...harness.Contact) (harness.Run, *lane) {
		GinkgoHelper()
		run := newRun(fan)
		run.Settings.Seen, run.Settings.Always = seen, always
		behind := &lane{device: fan}
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{behind}, Journal: &memory{}}
		Expect(e.Do(context.Background())).To(Succeed())
		return e.Run, behind
	}
	daily := harness.Contact{Destination: destination("daily"), Named: "dns", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}
	rows := func(run harness.Run) map[harness.Destination]harness.Row {
		found := map[harness.Destination]harness.Row{}
		for _, row := range harness.Judge(run).Rows {
			found[row.Contact.Destination] = row
		}
		return found
	}

	It("has one that the device never contacted on its list, blocks it, and proves nothing of it", func() {
		run, behind := experiment(nil, daily)
		Expect(blocking(behind.asked)).To(ContainElement(ContainElement(daily.Destination)))
		Expect(rows(run)[daily.Destination]).To(And(HaveField("FirstSeen", "import"), HaveField("Contact.Addresses", daily.Addresses)))
		cells := harness.Judge(run).Columns[0].Cells
		Expect(cells[daily.Destination].Verdict).To(Equal(harness.NotExercised))
		Expect(cells[destination("cloud")].Verdict).To(Equal(harness.Required))
		Expect(cells[destination("ads")].Verdict).To(Equal(harness.Optional))
	})

	It("judges one that the device contacts as any other", func() {
		run, _ := experiment(nil, harness.Contact{Destination: destination("ads")})
		Expect(rows(run)).To(HaveLen(2))
		Expect(rows(run)[destination("ads")].FirstSeen).To(Equal("control"))
	})

	It("has one row of an address that turns out to be that of a name", func() {
		run := newRun(fan)
		address := netip.MustParseAddr("198.51.100.7")
		run.Settings.Seen = []harness.Contact{{Destination: harness.Destination{Protocol: "tcp", Port: 443, Name: address.String()}, Addresses: []netip.Addr{address}}}
		named := harness.Contact{Destination: destination("cloud"), Addresses: []netip.Addr{address}, Tries: 1}
		run.Results = []harness.Result{{Trial: harness.Trial{Number: 1}, Recovered: true, Seen: harness.Observation{Contacts: []harness.Contact{named}}}}
		Expect(harness.Judge(run).Rows).To(HaveLen(1))
		Expect(harness.Judge(run).Rows[0].Contact.Destination).To(Equal(destination("cloud")))
	})

	It("does not use the addresses of a log, which may be old", func() {
		run := newRun(fan)
		run.Settings.Seen = []harness.Contact{daily}
		Expect(run.Contacts()).To(Equal([]harness.Contact{{Destination: daily.Destination, Named: "dns"}}))
		Expect(run.Settings.Seen[0].Addresses).NotTo(BeEmpty(), "reports show them")
	})

	It("leaves out what is always blocked", func() {
		pattern, err := harness.ParsePattern("daily.example")
		Expect(err).NotTo(HaveOccurred())
		run, _ := experiment([]harness.Pattern{pattern}, daily)
		Expect(rows(run)).NotTo(HaveKey(daily.Destination))
		Expect(run.Contacts()).NotTo(ContainElement(HaveField("Destination", daily.Destination)))
	})
})
