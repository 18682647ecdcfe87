package bench_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("abort_if", func() {
	blocking := harness.Trial{Number: 1, Block: []harness.Destination{{Protocol: "tcp", Port: 443, Name: "a.example"}}}

	It("ends a trial under way when the device was away for too long", func(ctx SpecContext) {
		heeding, abort := heed(ctx, spec("offline_s > 0.5"), lane(func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}))
		_, err := abort.Run(heeding, blocking)
		Expect(err).To(MatchError(context.Canceled))
		Expect(abort.Stop()).To(HavePrefix("abort_if: offline_s > 0.5 came true after 0 trials"))
	}, SpecTimeout(20*time.Second))

	It("counts the trials that block", func(ctx SpecContext) {
		heeding, abort := heed(ctx, spec("trials >= 2"), lane(works))
		for _, trial := range []harness.Trial{{}, blocking, blocking} {
			Expect(heeding.Err()).NotTo(HaveOccurred())
			_, err := abort.Run(heeding, trial)
			Expect(err).NotTo(HaveOccurred())
		}
		Eventually(heeding.Done()).WithContext(ctx).Should(BeClosed())
		Expect(abort.Stop()).To(ContainSubstring("after 2 trials"))
	}, SpecTimeout(20*time.Second))

	It("lets an experiment be that is well", func(ctx SpecContext) {
		heeding, abort := heed(ctx, spec("trials >= 2"), lane(works))
		_, err := abort.Run(heeding, blocking)
		Expect(err).NotTo(HaveOccurred())
		Expect(heeding.Err()).NotTo(HaveOccurred())
		Expect(abort.Stop()).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
})

func heed(ctx context.Context, file scenarios.File, lane harness.Lane) (context.Context, *bench.Abort) {
	GinkgoHelper()
	heeding, abort, err := bench.Heed(ctx, file, lane)
	Expect(err).NotTo(HaveOccurred())
	return heeding, abort
}

// lane is one whose trials are a function.
type lane func(ctx context.Context) (recovered bool, err error)

func (l lane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	recovered, err := l(ctx)
	return harness.Result{Trial: trial, Recovered: recovered}, err
}

func works(context.Context) (bool, error) { return true, nil }

func spec(abortIf string) scenarios.File {
	GinkgoHelper()
	file, err := scenarios.Parse("spec.yaml", []byte(`apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
scenarios:
  native_app:
    steps:
      - miio: {method: get_status}
abort_if: `+abortIf+"\n"))
	Expect(err).NotTo(HaveOccurred())
	return file
}
