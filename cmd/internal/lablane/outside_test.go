package lablane_test

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// meddler changes the rules of a gateway while some trials hold their blocks.
type meddler struct {
	harness.Gateway
	meddle func(ctx context.Context) (changed bool, err error)
	among  []int // the blocks to change, counted from 1; one with nothing to change leaves it to the next

	blocks, looks int
	changed       []int // the blocks that were changed
}

func (m *meddler) Block(ctx context.Context, destinations []harness.Destination, fault harness.Fault) error {
	if len(destinations) > 0 {
		m.blocks++
	}
	m.looks = 0
	return m.Gateway.Block(ctx, destinations, fault)
}

func (m *meddler) Observe(ctx context.Context) (harness.Observation, error) {
	m.looks++
	if turn := slices.Index(m.among, m.blocks); m.looks == 1 && turn >= 0 {
		changed, err := m.meddle(ctx)
		switch {
		case err != nil:
			return harness.Observation{}, err
		case changed:
			m.changed = append(m.changed, m.blocks)
			m.among = slices.Delete(m.among, turn, turn+1)
		default:
			m.among[turn]++
		}
	}
	return m.Gateway.Observe(ctx)
}

// The device's needs are in no danger of being guessed right: a pass with the
// block gone would call the first of them optional.
var _ = Describe("a block that is removed from outside in mid-trial", Label("root"), func() {
	meddled := func(ctx SpecContext, among []int, command ...string) (run harness.Run, changed []int) {
		GinkgoHelper()
		world := find("one-of-each")
		run = lablane.NewRun(world, harness.Settings{})
		lane := start(ctx, run, world, 1)
		namespace := lane.Lab.Gateway.Namespace
		m := &meddler{Gateway: lane.Gateway, among: among, meddle: func(ctx context.Context) (bool, error) {
			if len(command) > 0 {
				return true, namespace.Command(ctx, command[0], command[1:]...).Run()
			}
			const set = "needwant-reject-4"
			listed, err := namespace.Netlink().IpsetList(set)
			if err != nil || len(listed.Entries) == 0 { // what is blocked has no IPv4 address
				return false, err
			}
			return true, namespace.Netlink().IpsetFlush(set)
		}}
		lane.Bench.Gateway = m
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: told{}}
		Expect(e.Do(ctx)).To(Succeed())
		return e.Run, m.changed
	}

	It("makes that trial invalid, and the table is right nevertheless", func(ctx SpecContext) {
		run, changed := meddled(ctx, []int{1, 2, 5})
		Expect(run.Status).To(Equal(harness.Complete), run.Why)
		var invalid []int
		blocks, noticed := 0, false
		for _, result := range run.Results {
			if len(result.Trial.Block) == 0 {
				continue
			}
			if blocks++; !slices.Contains(changed, blocks) {
				continue
			}
			Expect(result.Suspect).NotTo(BeEmpty(), "trial %d", result.Trial.Number)
			invalid = append(invalid, result.Trial.Number)
			if !strings.Contains(result.Suspect, "this machine was too busy") {
				Expect(result.Suspect).To(MatchRegexp(`^the block did not hold: the set needwant-reject-4 lacks \d+ of its \d+ entries`))
				noticed = true
			}
		}
		Expect(invalid).To(HaveLen(3))
		Expect(noticed).To(BeTrue())
		for _, column := range harness.Judge(run).Columns {
			expected, err := labtest.Expect(find("one-of-each"), column.Column.ID, labtest.Steady)
			Expect(err).NotTo(HaveOccurred())
			Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
			for _, cell := range column.Cells {
				Expect(cell.Trials).NotTo(ContainElement(BeElementOf(invalid)), "nothing rests on it")
			}
		}
	}, SpecTimeout(2*time.Minute))

	It("ends the run with the reason, where it stays removed", func(ctx SpecContext) {
		run, _ := meddled(ctx, []int{1}, "iptables-nft", "-D", "FORWARD", "1")
		Expect(run.Status).To(Equal(harness.Interrupted))
		Expect(run.Why).To(MatchRegexp(`the last trials could not be counted: .*the block did not hold: IPv4 FORWARD in filter: the jump .* is gone.*; resume the run once the cause is gone`))
		for _, column := range harness.Judge(run).Columns {
			for destination, cell := range column.Cells {
				Expect(cell.Verdict).To(BeElementOf(harness.Undecided, harness.NotExercised), destination.String())
			}
		}
	}, SpecTimeout(2*time.Minute))
})
