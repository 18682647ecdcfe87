package scenarios_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("stand-ins in a spec", func() {
	It("are not the same if there are none and if nothing is said", func() {
		const spec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: plug, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
block: {STANDINS}
scenarios:
  app:
    title: Does it answer?
    steps: [{exec: {command: ["true"]}}]
`
		for text, none := range map[string]bool{"": true, "stand_ins: []": false} {
			file, err := scenarios.Parse("plug.yaml", []byte(strings.Replace(spec, "STANDINS", text, 1)))
			Expect(err).NotTo(HaveOccurred())
			Expect(file.Block.StandIns == nil).To(Equal(none))
			Expect(file.Block.Kinds()).To(BeEmpty())
		}
	})
})
