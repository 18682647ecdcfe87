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

	DescribeTable("from", func(vantage, controller, from string, actions ...scenarios.Action) {
		spec := scenarios.Spec{Name: "one", From: from}
		for _, action := range actions {
			spec.Steps = append(spec.Steps, scenarios.Step{Do: action})
		}
		infos := scenarios.List{spec}.Infos(around)
		Expect(infos).To(HaveLen(1))
		Expect(infos[0].Vantage).To(Equal(vantage))
		Expect(infos[0].Controller).To(Equal(controller))
	},
		Entry("where it says", "host", "", "host", &scenarios.Miio{Method: "get_status"}),
		Entry("the gateway, when it says nothing", "gateway", "", "", &scenarios.Miio{Method: "get_status"}),
		Entry("where it says, and not where its Home Assistant is", "host", "lan", "host", hass("192.168.1.5")),
		Entry("where its Home Assistant is, when it says nothing", "lan", "lan", "", hass("192.168.1.5")),
		Entry("where it says, of a Home Assistant in the device's own network", "lan", "device", "lan", &scenarios.Wait{For: 1}, hass("192.168.50.20")),
		Entry("the gateway, when it says nothing of one there", "gateway", "device", "", hass("192.168.50.20")),
		Entry("where it says, of a Home Assistant on this machine", "lan", "host", "lan", hass("192.168.1.3")),
		Entry("this machine, by its loopback", "host", "host", "", hass("[::1]")),
		Entry("this machine, by name", "host", "host", "", hass("localhost")),
		Entry("where it says, when the name must be looked up", "lan", "", "lan", hass("homeassistant.local")),
		Entry("where it says, when others judge too", "gateway", "", "gateway", hass("192.168.1.5"), &scenarios.Miio{Method: "get_status"}),
		Entry("where it says, when there are two", "lan", "", "lan", hass("192.168.1.5"), hass("192.168.1.6")),
	)
})
