package lablane_test

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("lanes", Label("root"), func() {
	for _, world := range labtest.Core() {
		for _, lanes := range []int{2, 4} {
			It(fmt.Sprintf("do not change the verdicts: %s on %d", world.Name, lanes), Label("slow"), func(ctx SpecContext) {
				checkLanes(ctx, find(world.Name), lanes)
			}, SpecTimeout(5*time.Minute))
		}
	}

	It("do not change the verdicts of a world with every verdict", func(ctx SpecContext) {
		checkLanes(ctx, find("one-of-each"), 4)
	}, SpecTimeout(5*time.Minute))

	It("save time: four of them at least 2.5 times", Label("slow"), Serial, func(ctx SpecContext) {
		world := twenty()
		one := experiment(ctx, world, harness.Settings{Lanes: 1}).Duration.Seconds()
		var ratios []float64 // they differ by what ends first, and so by what is asked
		for range 3 {
			ratios = append(ratios, one/experiment(ctx, world, harness.Settings{Lanes: 4}).Duration.Seconds())
		}
		AddReportEntry("how many times faster", ratios)
		slices.Sort(ratios)
		Expect(ratios[1]).To(BeNumerically(">=", 2.5))
	}, SpecTimeout(5*time.Minute))
})

func checkLanes(ctx SpecContext, world lab.World, lanes int) {
	GinkgoHelper()
	run := experiment(ctx, world, harness.Settings{Lanes: lanes})
	for _, column := range harness.Judge(run).Columns {
		expected, err := labtest.Expect(world, column.Column.Scenario.Name, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		if expected.Monotone {
			Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
			continue
		}
		Expect(column.Certified).To(Equal("none"), column.Column.ID)
	}
}

// twenty is a world of 20 destinations, two of them required and four
// alternatives, at a pace that four labs on two processors can keep.
func twenty() lab.World {
	GinkgoHelper()
	world := lab.World{
		APIVersion: "needwant/v1", Kind: "World", Name: "twenty",
		Device:       lab.Device{Model: "roborock.vacuum.s5", Token: "00112233445566778899aabbccddeeff"},
		Tempo:        lab.Tempo{Contact: 250 * time.Millisecond, Patience: 3, Poll: 500 * time.Millisecond},
		Destinations: map[string]lab.Destination{},
		Functions:    lab.Functions{Control: "d3 && d11 && (d14 || d15 || d16 || d17)"},
	}
	for i := range 20 {
		destination := lab.Destination{
			Host:      fmt.Sprintf("h%d.vacuum.example", i),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)})},
			Protocol:  "tcp", Port: 443,
		}
		if i >= 12 {
			destination.Protocol, destination.Port = "udp", 123
		}
		world.Destinations[fmt.Sprintf("d%d", i)] = destination
	}
	made, err := labtest.Make(world)
	Expect(err).NotTo(HaveOccurred())
	return made
}
