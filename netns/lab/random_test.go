package lab_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("A random world", Label("norace"), func() {
	It("is the same for the same seed, and another for another", func() {
		seen := map[string]bool{}
		for seed := range uint64(50) {
			world := labtest.Random(seed)
			Expect(labtest.Random(seed)).To(Equal(world))
			Expect(seen).NotTo(HaveKey(world.Text()))
			seen[world.Text()] = true
		}
	})

	It("works while nothing is blocked, and blocking more never repairs it", func() {
		for seed := range uint64(50) {
			for _, scenario := range []string{lab.NativeApp, lab.HomeAssistant} {
				expected, err := labtest.Expect(labtest.Random(seed), scenario, labtest.Steady)
				Expect(err).NotTo(HaveOccurred())
				Expect(expected.Monotone).To(BeTrue(), "seed %d", seed)
			}
		}
	})

	It("has the verdicts and the kinds among a few seeds", func() {
		verdicts, kinds := map[string]int{}, map[string]int{}
		for seed := range uint64(50) {
			world := labtest.Random(seed)
			expected, err := labtest.Expect(world, lab.NativeApp, labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			for _, verdict := range expected.Verdicts {
				verdicts[verdict]++
			}
			for _, d := range world.Destinations {
				for kind, is := range map[string]bool{
					"v4": d.Addresses[0].Is4(), "v6": d.Addresses[0].Is6(), "bare": d.Host == "", "fallback": d.After != nil,
					"TLS": d.Port == 443, "NTP": d.Port == 123, "keep-alive": d.Port == 8053, "several": len(d.Addresses) > 1,
				} {
					if is {
						kinds[kind]++
					}
				}
			}
		}
		Expect(verdicts).To(And(HaveKey("required"), HaveKey("alternative"), HaveKey("optional")))
		Expect(kinds).To(HaveLen(8), "%v", kinds)
	})

	It("moves to IPv6 with its meaning unchanged", func() {
		for seed := range uint64(20) {
			world := labtest.Random(seed)
			moved, err := labtest.OverIPv6(world)
			Expect(err).NotTo(HaveOccurred())
			Expect(moved.Functions).To(Equal(world.Functions))
			for id, destination := range moved.Destinations {
				Expect(destination.Host).To(Equal(world.Destinations[id].Host))
				Expect(destination.Addresses).To(HaveLen(len(world.Destinations[id].Addresses)))
				for _, address := range destination.Addresses {
					Expect(address.Is6()).To(BeTrue())
				}
			}
		}
	})
})
