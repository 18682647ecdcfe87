package harness_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("replicas", Label("norace"), func() {
	// Each of these experiments ends in an order that its seed decides. Every cut and the safe list are checked on each lane.
	DescribeTable("save time", func(draw func(*rand.Rand) formula, lanes, seeds int, least, most float64) {
		var faster, more, rests []float64
		for seed := range uint64(seeds) {
			device := draw(rand.New(rand.NewPCG(seed, 20)))
			single := together(seed, asItIs, device)
			several := together(seed, asItIs, slices.Repeat([]formula{device}, lanes)...)
			for _, done := range []harness.Run{single, several} {
				Expect(done.Status).To(Equal(harness.Complete))
				Expect(found(done)).To(Equal(device.cuts()))
				Expect(harness.Judge(done).Columns[0].Certified).To(Equal("exact"))
				endsWithSafeList(done)
			}
			Expect(harness.Judge(several).Replicas).To(HaveEach(agrees()))
			faster = append(faster, single.Duration.Seconds()/several.Duration.Seconds())
			more = append(more, float64(len(several.Results))/float64(len(single.Results)))
			rests = append(rests, idle(several))
		}
		AddReportEntry("medians", fmt.Sprintf("%.2f times as fast as one, %.2f times the trials, idle for %.0f %% of the time",
			median(faster), median(more), 100*median(rests)))
		Expect(median(faster)).To(BeNumerically(">=", least))
		Expect(median(more)).To(BeNumerically("<=", most))
	},
		Entry("four of them at least 2.5 times", needy, 4, 3, 2.5, 1.5),
		Entry("four of them at least 2.5 times, of more devices", Label("whole"), needy, 4, 20, 2.5, 1.5),
		Entry("two of them", Label("slow"), needy, 2, 20, 1.4, 1.3),
		Entry("eight of them", Label("slow"), needy, 8, 20, 3.2, 2.4),
		Entry("four of them, if one of any four is needed", Label("slow"), func(random *rand.Rand) formula {
			needed := random.Perm(20)
			return needing(12, 8, needed[:1], needed[1:2], needed[2:6])
		}, 4, 20, 2.5, 1.6),
		Entry("four of them, if three are required", Label("slow"), func(random *rand.Rand) formula {
			required := random.Perm(20)
			return needing(12, 8, required[:1], required[1:2], required[2:3])
		}, 4, 20, 2.3, 1.7),
		Entry("four of them, if there are seven destinations", Label("slow"), func(random *rand.Rand) formula {
			return needing(2, 5, []int{random.IntN(2)}, []int{2, 3, 4, 5, 6})
		}, 4, 20, 2.1, 1.8),
	)

	// plug needs the cloud and one of two time servers.
	plug := func(needs func(r func(string) bool) bool) formula {
		return formula{
			contacts:  []string{"cloud", "ads", "log", "shop", "time1", "time2"},
			scenarios: map[string]func(func(string) bool) bool{"app": needs, "hass": always},
		}
	}
	usual := plug(func(r func(string) bool) bool { return r("cloud") && (r("time1") || r("time2")) })
	var truth []string
	BeforeEach(func() { truth = found(together(1, asItIs, usual)) })

	DescribeTable("one with different needs is named, and the verdicts are those of the others", func(needs func(r func(string) bool) bool, works bool) {
		for odd := range 4 {
			devices := []formula{usual, usual, usual, usual}
			devices[odd] = plug(needs)
			done := together(uint64(odd), asItIs, devices...)
			Expect(done.Status).To(Equal(harness.Complete))
			Expect(found(done)).To(Equal(truth))
			judgement := harness.Judge(done)
			Expect(judgement.Columns[0].Certified).To(Equal("exact"))
			for i, replica := range judgement.Replicas {
				if i != odd {
					Expect(replica).To(agrees(), "%+v", replica)
					continue
				}
				Expect(replica.Differs).To(HaveLen(1))
				Expect(replica.Differs[0].Works).To(Equal(works))
				Expect(len(replica.Differs[0].Trials)).To(BeNumerically(">=", 3))
				Expect(len(replica.Differs[0].Others)).To(BeNumerically(">=", 9), "each of the others as often")
			}
			endsWithSafeList(done)
		}
	},
		Entry("if it needs more", func(r func(string) bool) bool { return r("cloud") && r("log") && (r("time1") || r("time2")) }, false),
		Entry("if it needs less", func(r func(string) bool) bool { return r("time1") || r("time2") }, true),
		Entry("if it is content with another one, too", func(r func(string) bool) bool { return r("cloud") && (r("time1") || r("time2") || r("log")) }, true),
	)

	It("are called different only if chance is ruled out", func() {
		stumbles := 0
		clumsy := func(lane int, l *slowLane) harness.Lane {
			l.after = func(r *harness.Result) {
				if lane == 2 && !r.Trial.Control() && r.Outcomes["app"].Answer == harness.Pass && stumbles < 2 {
					stumbles++
					r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "a stumble"}
				}
			}
			return l
		}
		done := together(1, clumsy, usual, usual, usual, usual)
		Expect(stumbles).To(Equal(2))
		Expect(found(done)).To(Equal(truth))
		Expect(harness.Judge(done).Replicas).To(HaveEach(HaveField("Differs", BeEmpty())))
	})

	It("continue if one cannot carry out trials any more, whose trial another one gets", func() {
		gone := &vanishing{left: 3}
		done := together(1, func(lane int, l *slowLane) harness.Lane {
			if lane == 3 {
				gone.Lane = l
				return gone
			}
			return l
		}, usual, usual, usual, usual)
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(found(done)).To(Equal(truth))
		var numbers []int
		for _, result := range done.Results {
			numbers = append(numbers, result.Trial.Number)
		}
		slices.Sort(numbers)
		Expect(slices.Compact(slices.Clone(numbers))).To(Equal(numbers), "no trial counts twice")
		replicas := harness.Judge(done).Replicas
		Expect(replicas[2].Trials + replicas[2].Controls).To(Equal(3))
		Expect(replicas[2].Agrees()).To(BeFalse())
		Expect(slices.Delete(replicas, 2, 3)).To(HaveEach(agrees()))
	})

	It("end the run with the reason if none can carry out trials any more", func() {
		var err error
		synctest.Test(suite, func(*testing.T) {
			run := newRun(usual)
			run.Settings.Lanes, run.Settings.Replicas = 2, []harness.Replica{{Name: "a"}, {Name: "b"}}
			e := &harness.Experiment{Run: run, Journal: &memory{}, Lanes: []harness.Lane{
				&vanishing{Lane: &lane{device: usual}, left: 2}, &vanishing{Lane: &lane{device: usual}, left: 3},
			}}
			err = e.Do(context.Background())
		})
		Expect(err).To(MatchError(ContainSubstring("eth1 is gone")))
	})

	It("continue without one that does not work with nothing blocked", func() {
		done := together(1, func(lane int, l *slowLane) harness.Lane {
			if lane == 1 {
				l.after = func(r *harness.Result) {
					r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
				}
			}
			return l
		}, usual, usual, usual)
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(found(done)).To(Equal(truth))
		Expect(harness.Judge(done).Replicas[0]).To(And(HaveField("Trials", 0), HaveField("Controls", 3)))
	})
})

// found are the cuts of the first column.
func found(run harness.Run) (cuts []string) {
	for _, cut := range harness.Judge(run).Columns[0].Cuts {
		cuts = append(cuts, fmt.Sprint(cut.Destinations))
	}
	slices.Sort(cuts)
	return cuts
}

// cuts are the cuts of the first scenario, as found lists them.
func (f formula) cuts() (cuts []string) {
	for _, group := range f.groups {
		var members []harness.Destination
		for _, id := range group {
			members = append(members, destination(id))
		}
		slices.SortFunc(members, harness.Destination.Compare)
		cuts = append(cuts, fmt.Sprint(members))
	}
	slices.Sort(cuts)
	return cuts
}

// idle is the share of the lanes' time in which they had nothing to do.
func idle(run harness.Run) float64 {
	var busy time.Duration
	for _, result := range run.Results {
		busy += result.Duration
	}
	return 1 - busy.Seconds()/run.Duration.Seconds()/float64(run.Settings.Lanes)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func agrees() types.GomegaMatcher {
	return WithTransform(harness.ReplicaVerdict.Agrees, BeTrue())
}

func endsWithSafeList(run harness.Run) {
	GinkgoHelper()
	safe := harness.Judge(run).Safe
	last := run.Results[len(run.Results)-1].Trial
	Expect(last.Block).To(Equal(safe[len(safe)-1].Destinations))
}

// together is a run with some devices, each in a lane of its own. Change may replace a lane.
func together(seed uint64, change func(lane int, l *slowLane) harness.Lane, devices ...formula) harness.Run {
	GinkgoHelper()
	var err error
	var done harness.Run
	synctest.Test(suite, func(*testing.T) {
		run := newRun(devices[0])
		run.Settings.Confirm, run.Settings.Lanes = 2, len(devices)
		e := &harness.Experiment{Journal: &memory{}}
		for i, device := range devices {
			slow := newSlowLane(device, rand.New(rand.NewPCG(seed, uint64(i))))
			run.Settings.Replicas = append(run.Settings.Replicas, harness.Replica{Name: fmt.Sprintf("plug%d", i+1)})
			e.Lanes = append(e.Lanes, change(i+1, slow))
		}
		e.Run = run
		err = e.Do(context.Background())
		done = e.Run
	})
	Expect(err).NotTo(HaveOccurred())
	return done
}

func asItIs(_ int, l *slowLane) harness.Lane { return l }

// vanishing is a lane that cannot carry out trials any more after some.
type vanishing struct {
	harness.Lane
	left int
}

func (v *vanishing) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	if v.left--; v.left < 0 {
		return harness.Result{}, &harness.LostError{Err: errors.New("eth1 is gone")}
	}
	return v.Lane.Run(ctx, trial)
}
