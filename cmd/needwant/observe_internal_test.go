package main

import (
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("what observe shows of a list that was imported", func() {
	contact := func(id, address string) harness.Contact {
		d, err := harness.ParseDestination(id)
		Expect(err).NotTo(HaveOccurred())
		return harness.Contact{Destination: d, Addresses: []netip.Addr{netip.MustParseAddr(address)}}
	}

	It("is only what was not contacted yet, under whatever name", func() {
		flags := observeFlags{known: []harness.Contact{
			contact("tcp/443/a.example", "198.51.100.1"), contact("udp/123/198.51.100.2", "198.51.100.2"),
			contact("tcp/123/198.51.100.2", "198.51.100.2"), contact("tcp/443/daily.example", "198.51.100.1"),
		}}
		seen := []harness.Contact{contact("tcp/443/a.example", "198.51.100.9"), contact("udp/123/time.example", "198.51.100.2")}
		Expect(flags.withKnown(seen)[2:]).To(Equal([]harness.Contact{
			contact("tcp/123/198.51.100.2", "198.51.100.2"), contact("tcp/443/daily.example", "198.51.100.1"),
		}))
	})
})

var _ = DescribeTable("observe shows what provokes a contact", func(every float64, text string, by ...harness.Provoker) {
	Expect(often(observed{Every: every, Provoked: by})).To(Equal(text))
},
	Entry("nothing", 0.0, "-"),
	Entry("its link", 0.0, "when its link comes up", harness.ByLink),
	Entry("a new lease and its link, and once an hour", 3600.0, "1 h, when it gets a new lease, when its link comes up", harness.ByLease, harness.ByLink),
)

var _ = DescribeTable("observe shows how often a destination is contacted", func(contact harness.Contact, ago time.Duration, text, fields string) {
	contact.Last = time.Now().Add(-ago) // not when the spec was made, which may be minutes ago
	contact.First = contact.Last
	seen, err := with([]harness.Contact{contact}, nil, 90*time.Second)
	Expect(err).NotTo(HaveOccurred())
	var out strings.Builder
	Expect(table(&out, seen, 0)).To(Succeed())
	Expect(out.String()).To(MatchRegexp(`(?s)LAST +EVERY +TRIES.*\d\d:\d\d:\d\d  ` + text + ` +\d`))
	out.Reset()
	Expect((&observeFlags{json: true}).show(&out, seen)).To(Succeed())
	if fields == "" {
		Expect(out.String()).NotTo(ContainSubstring("every_s"))
	} else {
		Expect(out.String()).To(ContainSubstring(fields))
	}
},
	Entry("every hour", harness.Contact{Tries: 3, Quiet: time.Hour + 2*time.Minute}, time.Duration(0), "1 h 2 min", `"every_s":3720`),
	Entry("every few seconds", harness.Contact{Tries: 30, Quiet: 2500 * time.Millisecond}, time.Duration(0), `2\.5 s`, `"every_s":2.5`),
	Entry("once, hours ago", harness.Contact{Tries: 1, Quiet: time.Second}, 3*time.Hour, "seen once, 3 h ago", ""),
	Entry("some times at once, hours ago", harness.Contact{Tries: 2, Quiet: time.Second}, 3*time.Hour, "seen last 3 h ago", ""),
	Entry("by a connection with a packet once an hour", harness.Contact{Tries: 1, Quiet: time.Hour}, time.Hour, "-", ""),
	Entry("once, with packets that follow each other", harness.Contact{Tries: 1, Quiet: time.Second}, time.Duration(0), "-", ""),
)
