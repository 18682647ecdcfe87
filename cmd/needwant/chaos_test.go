package main_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// A run that loses something that it depends on, at any moment, may come to the
// true matrix all the same, leave cells undecided, or end with the reason. It
// never comes to a wrong cell, and it always ends. What is broken is not listed
// here: it is everything that the gateway turns out to own at that moment, beyond
// what was there without it.
var _ = Describe("a run that loses something it depends on", Label("root"), SpecPriority(1), func() {
	for seed := range chaosSeeds() {
		labels := Label("slow")
		switch {
		case seed == quickSeeds[0]:
			labels = Label()
		case slices.Contains(quickSeeds, seed):
			labels = Label("whole")
		}
		It(fmt.Sprintf("comes to the truth, leaves it open, or ends with the reason: seed %d", seed), labels, func(ctx SpecContext) {
			newOrdeal(seed).endure(ctx)
		}, SpecTimeout(longestOrdeal+2*time.Minute))
	}

	It("ends soon when the mangle table is flushed", func(ctx SpecContext) {
		o := &ordeal{placement: "lab", driver: "ipset", fault: harness.Reject, trial: 3, most: 30 * time.Second}
		s := newStage(ctx, o)
		Expect(o.await(ctx, s)).To(BeTrue())
		gateway := s.territories[0]
		o.thing, o.at = possession{kind: "table", name: "IPv4 mangle"}, time.Now()
		Expect(gateway.shell(ctx, "iptables-nft -t mangle -F")).To(Succeed())
		o.seeThrough(ctx, s)
		s.leave()
		Expect(s.judge()).To(BeElementOf(trueMatrix, leftOpen, withReason))
	}, SpecTimeout(2*time.Minute))
})

// quickSeeds are those of make test and make e2e: with lab, nic, host and onearm.
var quickSeeds = []uint64{0, 1, 2, 5, 6, 7}

// chaosSeeds is how many seeds there are: NEEDWANT_CHAOS_SEEDS, or 500.
func chaosSeeds() uint64 {
	if text := os.Getenv("NEEDWANT_CHAOS_SEEDS"); text != "" {
		if count, err := strconv.ParseUint(text, 10, 32); err == nil {
			return count
		}
	}
	return 500
}

// A run must end this long after something broke. Undisturbed it takes 15 s to 2 min,
// by how busy the machine is.
const (
	usualOrdeal   = 5 * time.Minute
	longestOrdeal = 10 * time.Minute
)

// slowKinds take long: the resolver may take seconds for each answer, and a full
// table of connections is read again and again.
var slowKinds = []string{"upstream resolver", "connection table"}

// ordeal is what happens to one run.
type ordeal struct {
	random    *rand.Rand
	placement string
	driver    string
	fault     harness.Fault
	kind      string        // one of the specials; "" is something that the gateway owns
	trial     int           // in which it happens; 0 is while the gateway is being opened
	after     time.Duration // since that began

	thing  possession
	broken breakage
	lasts  time.Duration // until it is undone; 0 is for good
	at     time.Time
	took   time.Duration // from then to the end of the run
	most   time.Duration // that this may take
}

func newOrdeal(seed uint64) *ordeal {
	random := rand.New(rand.NewPCG(seed, 20))
	o := &ordeal{random: random}
	o.placement = pick(random, "lab", "lab", "lab", "lab", "nic", "nic", "host", "host", "onearm")
	o.driver = pick(random, "ipset", "ipset", "iptables")
	o.fault = pick(random, harness.Reject, harness.Reject, harness.Drop, harness.NXDomain)
	if random.IntN(4) == 0 {
		o.kind = pick(random, specials()...)
	}
	o.trial = random.IntN(13)
	o.after = time.Duration(random.IntN(900)) * time.Millisecond
	return o
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// endure carries the ordeal out.
func (o *ordeal) endure(ctx SpecContext) {
	s := newStage(ctx, o)
	if !o.await(ctx, s) || !o.strike(ctx, s) {
		o.thing, o.broken.how, o.at = possession{kind: "nothing, because the run was over", name: "-"}, "-", time.Now()
	}
	AddReportEntry("what happened", o.String())
	came := wrongOrStuck
	DeferCleanup(func() {
		if CurrentSpecReport().State.Is(types.SpecStateInterrupted | types.SpecStateAborted) {
			return // it came to nothing
		}
		AddReportEntry(chaosEntry, outcome{o.thing.kind, o.placement, came, o.took}, ReportEntryVisibilityNever)
	})
	o.seeThrough(ctx, s)
	o.took = time.Since(o.at)
	s.leave()
	judged := s.judge()
	if s.home != nil && o.broken.how != interfaceRemoved {
		s.home.expectAsBefore(ctx, s.before)
		s.home.expectClean()
	}
	came = judged
	AddReportEntry("what came of it", fmt.Sprintf("%s after %s%s", came, o.took.Round(time.Millisecond), s.reason()))
}

// reason is what the program said last.
func (s *stage) reason() string {
	_, said, ok := strings.Cut(s.stderr.String(), "\nneedwant: ")
	if !ok {
		return ""
	}
	return ": " + said
}

func (o *ordeal) String() string {
	lasts := "for good"
	if o.lasts > 0 {
		lasts = "for " + o.lasts.String()
	}
	return fmt.Sprintf("%s, %s by %s; in trial %d, after %s: %s %s %s %s", o.placement, o.fault, o.driver, o.trial, o.after, o.thing.kind, o.thing.name, o.broken.how, lasts)
}

// await returns when it is time. It reports whether the run was still going on.
func (o *ordeal) await(ctx context.Context, s *stage) bool {
	const glance = 20 * time.Millisecond
	for !s.isOver() {
		s.scout(ctx)
		due := s.found
		if o.trial > 0 {
			due = s.found && s.began() >= o.trial
		}
		if due {
			return s.wait(ctx, o.after)
		}
		s.wait(ctx, glance)
	}
	return false
}

// wait reports whether the run was still going on after so much time.
func (s *stage) wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-s.over:
	case <-time.After(d):
	}
	return !s.isOver()
}

// strike breaks something. It reports whether the run was still going on.
func (o *ordeal) strike(ctx context.Context, s *stage) bool {
	GinkgoHelper()
	var problems []error
	for range 20 {
		o.choose(ctx, s)
		if s.isOver() || o.thing.kind == "" {
			return false
		}
		o.at = time.Now()
		err := o.broken.do(ctx)
		if err == nil {
			return true
		}
		problems = append(problems, fmt.Errorf("%s, %s: %w", o.thing.key(), o.broken.how, err))
	}
	Expect(errors.Join(problems...)).NotTo(HaveOccurred(), "nothing could be broken")
	return false
}

// choose draws what to break, first the kind, so that there are as many of each.
func (o *ordeal) choose(ctx context.Context, s *stage) {
	GinkgoHelper()
	all, err := s.possessions(ctx)
	if s.isOver() {
		return
	}
	Expect(err).NotTo(HaveOccurred())
	if o.kind != "" {
		all = []possession{s.special(o.kind)}
	}
	byKind := map[string][]possession{}
	for _, p := range all {
		byKind[p.kind] = append(byKind[p.kind], p)
	}
	if len(byKind) == 0 {
		return
	}
	things := byKind[pick(o.random, slices.Sorted(maps.Keys(byKind))...)]
	slices.SortFunc(things, func(a, b possession) int { return strings.Compare(a.name, b.name) })
	o.thing = pick(o.random, things...)
	o.broken = pick(o.random, o.thing.breaks...)
	switch {
	case o.thing.kind == "process":
		o.lasts = 5 * time.Second
	case o.broken.undo != nil && o.random.IntN(3) > 0:
		o.lasts = time.Duration(200+o.random.IntN(4000)) * time.Millisecond
	}
}

// seeThrough undoes what does not last, and waits for the end of the run.
func (o *ordeal) seeThrough(ctx context.Context, s *stage) {
	GinkgoHelper()
	if o.most == 0 {
		o.most = usualOrdeal
		if slices.Contains(slowKinds, o.thing.kind) {
			o.most = longestOrdeal
		}
	}
	bound := time.NewTimer(o.most)
	defer bound.Stop()
	undone := o.broken.undo == nil
	undo := func() {
		if !undone {
			undone = true
			_ = o.broken.undo(ctx) // it may be gone for good
		}
	}
	if o.lasts > 0 && s.wait(ctx, o.lasts) {
		undo()
	}
	select {
	case <-s.over:
	case <-ctx.Done():
		Fail("interrupted")
	case <-bound.C:
		s.dump()
		Fail(fmt.Sprintf("the run has not ended %s after this: %s\nIt wrote:\n%s", o.most, o, s.stderr))
	}
	if o.broken.foreign {
		undo()
	}
}

// dump has the program write what all its goroutines do, and end.
func (s *stage) dump() {
	_ = s.command.Process.Signal(continued)
	_ = s.command.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.over:
	case <-time.After(10 * time.Second):
	}
}

// What a run may come to.
const (
	trueMatrix = "true table"
	leftOpen   = "cells left open"
	withReason = "ended with the reason"

	wrongOrStuck = "wrong or stuck" // which is not allowed
)

// judge says what a run came to that has ended, and fails the spec if that is not
// allowed.
func (s *stage) judge() string {
	GinkgoHelper()
	said := s.stderr.String()
	code := s.command.ProcessState.ExitCode()
	Expect(said).NotTo(ContainSubstring("goroutine "), "it crashed")
	Expect(code).To(BeElementOf(0, 1, 3, 4), said)
	if code == 1 || code == 3 {
		Expect(said).To(MatchRegexp(`(?m)^needwant: .{20,}`), "there is no reason")
	}
	run, err := runfile.Load(context.Background(), s.kept())
	if code == 0 || code == 4 {
		Expect(err).NotTo(HaveOccurred(), said)
	}
	if err != nil {
		return withReason
	}
	open := s.compare(run)
	switch {
	case code == 1 || code == 3:
		return withReason
	case len(open) == 0:
		return trueMatrix
	}
	Expect(code).To(Equal(4), "these are open: %v\n%s", open, said)
	return leftOpen
}

// kept is where the run file is now.
func (s *stage) kept() string {
	GinkgoHelper()
	if s.disk == "" {
		return s.file
	}
	if s.diskFolder == nil {
		return "/nonexistent" // the file system went with the program
	}
	folder := GinkgoT().TempDir()
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if text, err := os.ReadFile(s.onDisk(filepath.Base(s.file)) + suffix); err == nil {
			Expect(os.WriteFile(filepath.Join(folder, "chaos.run"+suffix), text, 0o600)).To(Succeed())
		}
	}
	return filepath.Join(folder, "chaos.run")
}

// compare holds everything that a run says against what the world's own text says,
// and returns the cells that are open.
func (s *stage) compare(run harness.Run) (open []string) {
	GinkgoHelper()
	judgement := harness.Judge(run)
	for _, column := range judgement.Columns {
		id := column.Column.ID
		expected, err := labtest.ExpectUnder(labtest.Fault(s.fault), s.world, column.Column.Scenario.Name, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		found := map[string]string{}
		for d, cell := range column.Cells {
			found[d.String()] = string(cell.Verdict)
			if cell.Verdict != harness.Undecided && cell.Verdict != harness.NotExercised {
				Expect(string(cell.Verdict)).To(Equal(expected.Verdicts[d.String()]), "%s for %s is wrong: %s\n%s", d, id, cell.Why, s.stderr)
			}
		}
		for d, verdict := range expected.Verdicts {
			if found[d] != verdict {
				open = append(open, fmt.Sprintf("%s for %s: %q, not %s", d, id, found[d], verdict))
			}
		}
		for _, cut := range cuts(column) {
			Expect(expected.Cuts).To(ContainElement(cut), "%s: this is not a smallest set that breaks it\n%s", id, s.stderr)
		}
	}
	for _, list := range judgement.Safe {
		s.expectSafe(list)
	}
	slices.Sort(open)
	return open
}

// cuts are those of a column, as ids, sorted.
func cuts(column harness.ColumnVerdict) (all [][]string) {
	for _, cut := range column.Cuts {
		all = append(all, ids(cut.Destinations))
	}
	return all
}

func ids(destinations []harness.Destination) (texts []string) {
	for _, d := range destinations {
		texts = append(texts, d.String())
	}
	slices.Sort(texts)
	return texts
}

// expectSafe blocks a list in thought.
func (s *stage) expectSafe(list harness.SafeList) {
	GinkgoHelper()
	functions := map[string][]string{lab.NativeApp: {lab.Status, lab.Control}, lab.HomeAssistant: {lab.Status}}
	for _, column := range list.Columns {
		for _, function := range functions[column] {
			works, err := labtest.Works(s.world, function, labtest.Steady, ids(list.Destinations)...)
			Expect(err).NotTo(HaveOccurred())
			Expect(works).To(BeTrue(), "%v is not safe for %s\n%s", list.Destinations, column, s.stderr)
		}
	}
}
