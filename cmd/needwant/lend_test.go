package main_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/netnstest"
)

// twoGateways are four equal devices on two machines, and a hub on a third one: garage makes an experiment with two
// of its own and two that attic lends.
type twoGateways struct {
	*laboratory
	garage, attic *station
	kept          string // the run file
}

// equals are the machines, with devices that need what the functions say.
func equals(ctx context.Context, functions ...string) *twoGateways {
	GinkgoHelper()
	l := newLaboratory(ctx)
	g := &twoGateways{laboratory: l, garage: l.station(ctx), attic: l.station(ctx)}
	l.serve(ctx)
	specs := map[*station][]string{}
	for i, function := range functions {
		s := []*station{g.garage, g.attic}[i/2]
		specs[s] = append(specs[s], equalDevice(s.folder, i+1, function))
	}
	access := func(s *station, name string) []string {
		credentials := filepath.Join(s.folder, name+".creds")
		added := needwant(ctx, "hub", "add", name, "--dir", l.hub.arguments[2], "--out", credentials)
		Expect(added.Code).To(Equal(0), added.Stderr)
		return []string{"--hub", l.url, "--creds", credentials}
	}
	g.kept = filepath.Join(g.garage.folder, "plugs.run")
	g.garage.arguments = slices.Concat([]string{"bisect"}, specs[g.garage], []string{"hub:attic/plug3", "hub:attic/plug4", "--out", g.kept, "--unattended", "--order", "exact"}, access(g.garage, "garage"))
	g.attic.arguments = slices.Concat([]string{"agent", "--lend"}, specs[g.attic], access(g.attic, "attic"))
	l.hub.start()
	l.hub.says(ctx, "The hub")
	g.attic.start()
	g.attic.says(ctx, "plug[34]: waits for an experiment")
	return g
}

// trials waits until the run has so many results of a lane.
func (g *twoGateways) trials(ctx context.Context, lane, least int) {
	GinkgoHelper()
	Eventually(func() (n int) {
		run, err := runfile.Load(ctx, g.kept)
		if err != nil {
			return 0
		}
		for _, result := range run.Results {
			if result.Lane == lane {
				n++
			}
		}
		return n
	}).WithContext(ctx).WithTimeout(2 * time.Minute).Should(BeNumerically(">=", least))
}

// expectRun expects the table of the devices, with each trial once.
func (g *twoGateways) expectRun(ctx context.Context, required ...string) harness.Judgement {
	GinkgoHelper()
	run, err := runfile.Load(ctx, g.kept)
	Expect(err).NotTo(HaveOccurred())
	Expect(run.Status).To(Equal(harness.Complete), run.Why)
	var numbers []int
	for _, result := range run.Results {
		numbers = append(numbers, result.Trial.Number)
	}
	slices.Sort(numbers)
	Expect(slices.Compact(slices.Clone(numbers))).To(Equal(numbers), "no trial counts twice")
	judgement := harness.Judge(run)
	var found []string
	for destination, cell := range judgement.Columns[0].Cells {
		if cell.Verdict == harness.Required {
			found = append(found, destination.Host())
		}
	}
	slices.Sort(found)
	Expect(found).To(Equal(required))
	return judgement
}

// over stops everything, and expects nothing to be left.
func (g *twoGateways) over(ctx context.Context) {
	GinkgoHelper()
	for _, s := range []*station{g.attic, g.hub} {
		Expect(s.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		s.end(ctx, 0)
	}
	for _, s := range []*station{g.garage, g.attic, g.hub} {
		s.gone(ctx, nil)
	}
}

var _ = Describe("equal devices on two gateways", Label("root", "norace"), func() {
	It("are the lanes of one experiment, and one with different needs is named", Label("whole"), func(ctx SpecContext) {
		before := host()
		g := equals(ctx, "a && b", "a && b", "a && b", "a && b && f")
		g.garage.start()
		g.garage.complete(ctx)
		judgement := g.expectRun(ctx, "a.example", "b.example")
		Expect(judgement.Replicas).To(HaveExactElements(
			And(HaveField("Name", "plug1"), HaveField("Agrees()", true)),
			And(HaveField("Name", "plug2"), HaveField("Agrees()", true)),
			And(HaveField("Name", "attic/plug3"), HaveField("Agrees()", true)),
			And(HaveField("Name", "attic/plug4"), HaveField("Differs", HaveExactElements(HaveField("Works", false)))),
		))
		g.attic.says(ctx, "free again: agent garage has returned it")
		Expect(g.copies(ctx, "garage.plug1", 3)).To(HaveLen(1), "the hub has the run")
		g.over(ctx)
		Expect(host()).To(Equal(before))
	}, SpecTimeout(10*time.Minute))

	It("lose no trial when the lender or the borrower is killed or cut off, or the hub is started again", Label("slow"), func(ctx SpecContext) {
		before := host()
		g := equals(ctx, "a && b", "a && b", "a && b", "a && b")

		By("killing the borrower")
		g.garage.start()
		g.trials(ctx, 3, 1)
		g.garage.kill(ctx)
		g.attic.says(ctx, "free again: agent garage did not ask for it for 10 s")

		By("starting the hub again")
		g.garage.start()
		g.trials(ctx, 3, 2)
		g.hub.kill(ctx)
		g.hub.start()
		g.hub.says(ctx, "The hub")
		g.trials(ctx, 3, 3)
		Expect(string(g.garage.said.Contents())).NotTo(ContainSubstring("asked nothing more"))

		By("killing the lender")
		g.attic.kill(ctx)
		g.garage.says(ctx, "attic/plug[34] is asked nothing more, and the other devices continue")
		g.attic.start()
		g.attic.says(ctx, "plug[34]: waits for an experiment")
		g.garage.complete(ctx)
		g.expectRun(ctx, "a.example", "b.example")

		By("cutting the lender off")
		Expect(os.Remove(g.kept)).To(Succeed())
		g.garage.start()
		g.trials(ctx, 4, 1)
		netnstest.Shell(ctx, g.attic.machine, "iptables -A INPUT -j DROP; iptables -A OUTPUT -j DROP")
		g.attic.says(ctx, "free again: agent garage did not ask for it for 10 s")
		g.garage.says(ctx, "attic/plug[34] is asked nothing more, and the other devices continue")
		netnstest.Shell(ctx, g.attic.machine, "iptables -F")
		g.garage.complete(ctx)
		judgement := g.expectRun(ctx, "a.example", "b.example")
		Expect(judgement.Replicas[:2]).To(HaveEach(HaveField("Agrees()", true)))
		g.over(ctx)
		Expect(host()).To(Equal(before))
	}, SpecTimeout(15*time.Minute))
})
