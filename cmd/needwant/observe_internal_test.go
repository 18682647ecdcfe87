package main

import (
	"net/netip"

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
