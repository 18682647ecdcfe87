package resolver

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
)

var _ = Describe("what the device queried", func() {
	var t table
	var now time.Time
	address := netip.MustParseAddr("198.51.100.7")
	never := func(string) bool { return false }
	ask := func(name string, kind uint16) names.Question {
		return names.Question{Protocol: "udp", Name: name, Kind: kind}
	}
	answer := func(name string, kind uint16, aliases ...string) {
		t.query(ask(name, kind), now)
		t.learn(names.Answered{Name: name, Aliases: aliases, Addresses: []netip.Addr{address}, Query: ask(name, kind), Found: true}, now)
		t.leave(ask(name, kind), now)
	}
	block := func(name string) { t.open(map[string]bool{name: true}) }
	seen := func(name string) harness.Contact {
		GinkgoHelper()
		contacts, _ := t.contacts(never)
		for _, contact := range contacts {
			if contact.Destination.Name == name {
				return contact
			}
		}
		return harness.Contact{}
	}

	BeforeEach(func() { t, now = newTable(), time.Now() })

	It("is an attempt once the last answer has expired, and not before", func() {
		answer("a.example", dns.TypeA)
		block("a.example")
		now = now.Add(Memory - time.Millisecond)
		t.addBlockedQuery(ask("a.example", dns.TypeA), now)
		Expect(seen("a.example")).To(And(HaveField("Touched", 1), HaveField("Attempts", 0), HaveField("Attempted", BeZero())))
		now = now.Add(time.Millisecond)
		t.addBlockedQuery(ask("a.example", dns.TypeA), now)
		Expect(seen("a.example")).To(And(HaveField("Touched", 2), HaveField("Attempts", 1), HaveField("Attempted", now)))
	})

	It("is no attempt while the answer for a name of which it is an alias has not expired", func() {
		answer("b.example", dns.TypeA)
		answer("a.example", dns.TypeA, "b.example")
		block("b.example")
		now = now.Add(Memory)
		answer("a.example", dns.TypeA, "b.example")
		t.addBlockedQuery(ask("b.example", dns.TypeA), now)
		Expect(seen("b.example")).To(HaveField("Attempts", 0))
	})

	It("is no attempt if only another resolver can have answered for it", func() {
		block("a.example")
		t.addBlockedQuery(ask("a.example", dns.TypeA), now)
		Expect(seen("a.example")).To(And(HaveField("Touched", 1), HaveField("Attempts", 0)))
	})

	It("is no attempt if the device has IPv6 addresses from elsewhere, and queries for the others here", func() {
		answer("other.example", dns.TypeAAAA)
		answer("a.example", dns.TypeA)
		block("a.example")
		now = now.Add(Memory)
		t.addBlockedQuery(ask("a.example", dns.TypeA), now)
		Expect(seen("a.example")).To(HaveField("Attempts", 0))
		t.addBlockedQuery(ask("a.example", dns.TypeAAAA), now)
		t.addBlockedQuery(ask("a.example", dns.TypeA), now)
		Expect(seen("a.example")).To(HaveField("Attempts", 1))
	})

	It("is no row if it does not exist, or the upstream resolver blocks it", func() {
		t.learn(names.Answered{Name: "a.example", Query: ask("a.example", dns.TypeA)}, now)
		t.learn(names.Answered{Name: "b.example", Addresses: []netip.Addr{netip.IPv4Unspecified()}, Query: ask("b.example", dns.TypeA), Found: true}, now)
		t.learn(names.Answered{Name: "nas.lan", Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.9")}, Query: ask("nas.lan", dns.TypeA), Found: true}, now)
		contacts, _ := t.contacts(never)
		Expect(contacts).To(ConsistOf(HaveField("Destination.Name", "nas.lan")))
		Expect(t.sinkholes()).To(ConsistOf(HaveField("Name", "b.example")))
	})

	It("has a limit", func() {
		for i := range 2 * mostRows {
			answer(fmt.Sprintf("n%d.example", i), dns.TypeA)
			t.addBlockedQuery(ask(fmt.Sprintf("w%d.example", i), dns.TypeA), now)
		}
		Expect(t.rows).To(HaveLen(mostRows))
		Expect(t.untested()).To(ConsistOf(HaveField("What", fmt.Sprintf("DNS beyond %d names", mostRows))))
	})
})
