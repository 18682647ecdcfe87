//go:build e2e

package peers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

// needy is a device that answers no poll without its cloud. Its pace leaves the
// recovery enough time for a few polls.
const needy = `
apiVersion: needwant/v1
kind: World
name: needy
device: {model: roborock.vacuum.s5, firmware: 3.5.8_002034, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 1s, patience: 3, poll: 2s}
destinations:
  cloud: {host: cloud.example, addresses: [198.51.100.7], protocol: tcp, port: 443}
functions: {status: cloud}
failure: error
scenarios: [hass]
`

// Both are judged by the library's spec for a lab, as it is: the real one stands
// where the stand-in stood.
var _ = Describe("Home Assistant core with xiaomi_miio", Label("e2e"), func() {
	var spec scenarios.File

	BeforeEach(func() {
		var err error
		spec, err = scenarios.Find("lab-s50")
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("leads to the same matrix as the stand-in:", func(ctx SpecContext, release string) {
		world, err := lab.Find("s50-thread")
		Expect(err).NotTo(HaveOccurred())
		expected := experiment(ctx, spec, onLab(ctx, spec, world))

		lane := onLab(ctx, spec, world)
		judgeBy(ctx, lane, spec, moveIn(ctx, release, lane.Lab))
		found := experiment(ctx, spec, lane)

		Expect(table(found)).To(Equal(table(expected)))
		for _, result := range found.Results {
			Expect(result.Outcomes["hass"].Steps).To(HaveExactElements(HaveField("Saw", `state "docked", path lan`)), "trial %d", result.Trial.Number)
		}
	}, Entry(nil, oldRelease, SpecTimeout(40*time.Minute)), Entry(nil, currentRelease, SpecTimeout(40*time.Minute)))

	DescribeTable("makes the check fail while the device does not answer its polls:", func(ctx SpecContext, release string) {
		world, err := lab.Parse("needy.yaml", []byte(needy))
		Expect(err).NotTo(HaveOccurred())
		lane := onLab(ctx, spec, world)
		judgeBy(ctx, lane, spec, moveIn(ctx, release, lane.Lab))
		control, err := lane.Run(ctx, trial(1))
		Expect(err).NotTo(HaveOccurred())
		Expect(control.Outcomes["hass"].Answer).To(Equal(harness.Pass), control.Outcomes["hass"].Why)

		broken, err := lane.Run(ctx, trial(2, harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}))
		Expect(err).NotTo(HaveOccurred())
		Expect(broken.Outcomes["hass"].Answer).To(Equal(harness.Fail))
		Expect(broken.Outcomes["hass"].Why).To(ContainSubstring(`state "unavailable"`))
		Expect(broken.Recovered).To(BeTrue())
	}, Entry(nil, oldRelease, SpecTimeout(10*time.Minute)), Entry(nil, currentRelease, SpecTimeout(10*time.Minute)))
})

// xiaomiPolling is how xiaomi_miio polls a vacuum.
var xiaomiPolling = scenarios.Polling{Every: 15 * time.Second, Hangs: 10 * time.Second, Apart: hass.Cooldown}

func trial(number int, block ...harness.Destination) harness.Trial {
	return harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}
}

func onLab(ctx context.Context, spec scenarios.File, world lab.World) *lablane.Lane {
	GinkgoHelper()
	lane, err := specbench.OnLab(ctx, spec, spec.Scenarios, world, specbench.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	return lane
}

// judgeBy has the spec ask this Home Assistant, and waits until it may: Home
// Assistant polls by itself when it meets an entity, and puts off what it is
// asked for soon after.
func judgeBy(ctx context.Context, lane *lablane.Lane, spec scenarios.File, home *instance) {
	GinkgoHelper()
	site := specbench.Site(lane, specbench.Options{})
	site.HassToken = home.Token
	site.Polling = xiaomiPolling
	var err error
	lane.Scenarios, err = spec.Bind(spec.Scenarios, site)
	Expect(err).NotTo(HaveOccurred())
	for _, scenario := range lane.Scenarios {
		Eventually(scenario.Check).WithContext(ctx).Within(time.Minute).Should(HaveField("Answer", harness.Pass), scenario.Name)
	}
}

// told tells the trials when the spec fails.
type told struct{}

func (told) Append(result harness.Result) error {
	fmt.Fprintf(GinkgoWriter, "%d %v: %v\n", result.Trial.Number, result.Trial.Block, result.Outcomes)
	return nil
}

func experiment(ctx context.Context, spec scenarios.File, lane *lablane.Lane) harness.Run {
	GinkgoHelper()
	run := bench.NewRun("lab-s50", spec, spec.Scenarios, harness.Settings{Order: "exact"})
	e := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: told{}}
	Expect(e.Do(ctx)).To(Succeed())
	Expect(e.Run.Status).To(Equal(harness.Complete), e.Run.Why)
	return e.Run
}

// verdict is what a column says.
type verdict struct {
	Cells     map[string]string
	Cuts      []string // the members of each, sorted
	Certified string
}

// table is what a run's matrix says, by column. How many trials it took, and
// which, is no part of it.
func table(run harness.Run) map[string]verdict {
	columns := map[string]verdict{}
	for _, column := range harness.Judge(run).Columns {
		v := verdict{Cells: map[string]string{}, Certified: column.Certified}
		for destination, cell := range column.Cells {
			v.Cells[destination.String()] = string(cell.Verdict)
		}
		for _, cut := range column.Cuts {
			var members []string
			for _, destination := range cut.Destinations {
				members = append(members, destination.String())
			}
			slices.Sort(members)
			v.Cuts = append(v.Cuts, strings.Join(members, " "))
		}
		slices.Sort(v.Cuts)
		columns[column.Column.ID] = v
	}
	return columns
}
