package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = DescribeTable("a spec allows what its placement and its power switch can do, up to the means that it names",
	func(rest string, may ...harness.Provoker) {
		const device = "device: {mac: \"7c:49:eb:00:00:01\", address: 192.168.50.10}\n"
		file, err := scenarios.Parse("spec.yaml", []byte("apiVersion: needwant/v1\nkind: Scenarios\n"+device+rest+"scenarios: {one: {steps: [{ping: {host: device}}]}}\n"))
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Provokers()).To(HaveExactElements(may))
	},
	Entry("nic", "gateway: {placement: nic, inside: eth1, uplink: eth0}\n", harness.ByLease, harness.ByLink),
	Entry("vlan", "gateway: {placement: vlan, inside: eth1, uplink: eth0, vlan: 7}\n", harness.ByLease),
	Entry("onearm", "gateway: {placement: onearm, uplink: eth0}\n"),
	Entry("onearm, with a switch", "gateway: {placement: onearm, uplink: eth0}\nregimes: {steady: {}, cold_boot: {power: {exec: {off: ./off, on: ./on}}}}\n", harness.ByStart),
	Entry("with a switch", "gateway: {placement: nic, inside: eth1, uplink: eth0}\nregimes: {steady: {}, cold_boot: {power: {exec: {off: ./off, on: ./on}}}}\n",
		harness.ByLease, harness.ByLink, harness.ByStart),
	Entry("with a person who switches", "gateway: {placement: nic, inside: eth1, uplink: eth0}\nregimes: {steady: {}, cold_boot: {power: {prompt: Pull the plug}}}\n", harness.ByLease, harness.ByLink),
	Entry("a lab", "gateway: {placement: lab, world: s50-thread}\nregimes: {steady: {}, cold_boot: {}}\n", harness.ByLease, harness.ByLink, harness.ByStart),
	Entry("no more than a lease", "gateway: {placement: nic, inside: eth1, uplink: eth0}\ntiming: {provoke: lease}\n", harness.ByLease),
	Entry("no restart", "gateway: {placement: lab, world: s50-thread}\nregimes: {steady: {}, cold_boot: {}}\ntiming: {provoke: link}\n", harness.ByLease, harness.ByLink),
	Entry("nothing", "gateway: {placement: nic, inside: eth1, uplink: eth0}\ntiming: {provoke: never}\n"),
)
