package span_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/span"
)

func TestWaitingTakesAsLongAsItShall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect, began := NewWithT(t), time.Now()
		expect.Expect(span.Wait(context.Background(), time.Hour)).To(Succeed())
		expect.Expect(time.Since(began)).To(Equal(time.Hour))
		expect.Expect(span.Wait(context.Background(), -time.Hour)).To(Succeed())
		expect.Expect(time.Since(began)).To(Equal(time.Hour))
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect, began := NewWithT(t), time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		expect.Expect(span.Wait(ctx, time.Hour)).To(MatchError(context.DeadlineExceeded))
		expect.Expect(time.Since(began)).To(Equal(time.Minute))
	})
}
