package scenarios_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("a report says from where a scenario was judged:", func() {
	around := scenarios.Neighbourhood{
		Device:  netip.MustParsePrefix("192.168.50.0/24"),
		Machine: func(address netip.Addr) bool { return address == netip.MustParseAddr("192.168.1.3") },
	}
	hass := func(host string) *scenarios.Hass {
		return &scenarios.Hass{URL: "http://" + host + ":8123", Entity: "vacuum.s50"}
	}

	DescribeTable("from", func(vantage, from string, actions ...scenarios.Action) {
		spec := scenarios.Spec{Name: "one", From: from}
		for _, action := range actions {
			spec.Steps = append(spec.Steps, scenarios.Step{Do: action})
		}
		infos := scenarios.List{spec}.Infos(around)
		Expect(infos).To(HaveLen(1))
		Expect(infos[0].Vantage).To(Equal(vantage))
	},
		Entry("where it says", "host", "host", &scenarios.Miio{Method: "get_status"}),
		Entry("the gateway, when it says nothing", "gateway", "", &scenarios.Miio{Method: "get_status"}),
		Entry("a Home Assistant in the home network", "lan", "host", hass("192.168.1.5")),
		Entry("a Home Assistant in the device's own network", "gateway", "lan", &scenarios.Wait{For: 1}, hass("192.168.50.20")),
		Entry("a Home Assistant on this machine", "host", "lan", hass("192.168.1.3")),
		Entry("a Home Assistant on this machine, by its loopback", "host", "lan", hass("[::1]")),
		Entry("a Home Assistant on this machine, by name", "host", "lan", hass("localhost")),
		Entry("where it says, when the name must be looked up", "lan", "lan", hass("homeassistant.local")),
		Entry("where it says, when others judge too", "gateway", "gateway", hass("192.168.1.5"), &scenarios.Miio{Method: "get_status"}),
		Entry("where it says, when there are two", "lan", "lan", hass("192.168.1.5"), hass("192.168.1.6")),
	)
})
