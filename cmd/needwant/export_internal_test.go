package main

import (
	"net/netip"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("an export's device", func() {
	spec := func() string {
		GinkgoHelper()
		draft, err := scenarios.New("roborock-s50")
		Expect(err).NotTo(HaveOccurred())
		draft.Device.MAC, draft.Device.Address = "02:aa:bb:cc:dd:ee", netip.MustParseAddr("192.168.50.77")
		text, err := draft.Write("s50.yaml")
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(GinkgoT().TempDir(), "s50.yaml")
		Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
		return path
	}

	It("has the addresses of the spec", func() {
		flags := exportFlags{spec: spec()}
		Expect(flags.read()).To(Succeed())
		Expect(flags.options.Device.MAC.String()).To(Equal("02:aa:bb:cc:dd:ee"))
		Expect(flags.options.Device.Addresses).To(Equal([]netip.Addr{netip.MustParseAddr("192.168.50.77")}))
	})

	It("has those of the flags instead, if they are given", func() {
		flags := exportFlags{spec: spec(), mac: "02:00:00:00:00:01", addresses: []string{"10.0.0.9"}}
		Expect(flags.read()).To(Succeed())
		Expect(flags.options.Device.MAC.String()).To(Equal("02:00:00:00:00:01"))
		Expect(flags.options.Device.Addresses).To(Equal([]netip.Addr{netip.MustParseAddr("10.0.0.9")}))
	})

	It("is not made of a spec that is not there", func() {
		Expect((&exportFlags{spec: "nowhere.yaml"}).read()).To(MatchError(ContainSubstring("nowhere.yaml")))
	})
})
