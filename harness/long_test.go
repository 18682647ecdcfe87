package harness_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// footprint is what a program takes of the machine.
type footprint struct {
	heap        uint64
	goroutines  int
	descriptors int
}

func takes() footprint {
	GinkgoHelper()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	open, err := os.ReadDir("/proc/self/fd")
	Expect(err).NotTo(HaveOccurred())
	return footprint{memory.HeapAlloc, runtime.NumGoroutine(), len(open)}
}

var _ = Describe("a run of weeks", Label("slow"), func() {
	It("takes no more memory, goroutines and descriptors after 10,000 holds than after 500", func() {
		const early, late = 500, 10_000
		var then, now footprint
		var failures int
		synctest.Test(suite, func(*testing.T) {
			brief := harness.Timing{Settle: 100 * time.Millisecond, Patience: 100 * time.Millisecond, Recover: time.Second, Look: 20 * time.Millisecond, Longest: time.Second}
			g := &punctual{clocks: map[string]punctuality{
				"cloud": {0, 50 * time.Millisecond}, "hourly": {0, 300 * time.Millisecond}, "daily": {time.Second, 7 * time.Second}, "start": {time.Millisecond, 0},
			}}
			watched := works(func() bool { return true })
			watched.Name = "watched"
			watched.Watch = func(ctx context.Context, enough <-chan struct{}) harness.Outcome {
				<-enough
				return watched.Check(ctx)
			}
			bench := &harness.Bench{Number: 1, Gateway: g, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") }), watched}, Timing: brief}
			sets := []harness.Trial{trial(), trial("hourly"), trial("cloud", "hourly"), trial("daily", "start")}
			for number := 1; number <= late; number++ {
				block := sets[number%len(sets)]
				if block.Number = number; number%5 == 0 {
					block.Hold = 500 * time.Millisecond
				}
				if result, err := bench.Run(context.Background(), block); err != nil || !result.Recovered {
					failures++
				}
				if number == early {
					then = takes()
				}
			}
			now = takes()
		})
		AddReportEntry("then and now", []footprint{then, now})
		Expect(failures).To(BeZero())
		Expect(now.heap).To(BeNumerically("<", then.heap+then.heap/10+1<<20))
		const others = 20 // of the test runner
		Expect(now.goroutines).To(BeNumerically("<", then.goroutines+others))
		Expect(now.descriptors).To(BeNumerically("<", then.descriptors+others))
	})
})
