package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("--schedule", func() {
	DescribeTable("takes two times of day", func(text string, length time.Duration) {
		var s schedule
		err := s.Set(text)
		if length == 0 {
			Expect(err).To(MatchError(ContainSubstring("01:00-06:00")))
			return
		}
		Expect(err).NotTo(HaveOccurred())
		Expect([]any{s.String(), s.length()}).To(Equal([]any{text, length}))
	},
		Entry("at night", "01:00-06:00", 5*time.Hour),
		Entry("over midnight", "22:30-05:00", 6*time.Hour+30*time.Minute),
		Entry("one time", "01:00", time.Duration(0)),
		Entry("an hour that does not exist", "01:00-25:00", time.Duration(0)),
		Entry("the same twice", "01:00-01:00", time.Duration(0)),
		Entry("words", "night", time.Duration(0)),
	)

	DescribeTable("is open at night", func(text, at string, open bool) {
		var s schedule
		Expect(s.Set(text)).To(Succeed())
		now, err := time.Parse(time.DateTime, "2026-11-27 "+at)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.open(now)).To(Equal(open))
	},
		Entry("before", "01:00-06:00", "00:59:59", false),
		Entry("from its beginning on", "01:00-06:00", "01:00:00", true),
		Entry("within", "01:00-06:00", "05:59:59", true),
		Entry("from its end on", "01:00-06:00", "06:00:00", false),
		Entry("late in the evening", "22:30-05:00", "23:00:00", true),
		Entry("early in the morning", "22:30-05:00", "04:00:00", true),
		Entry("at noon", "22:30-05:00", "12:00:00", false),
	)
})

func TestTheScheduleMakesEverythingReachableByDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		ctx, end := context.WithCancel(t.Context())
		defer end()
		s, person := &schedule{from: time.Hour, until: 6 * time.Hour}, make(chan harness.Order)
		began := time.Now() // midnight of UTC
		offset := began.Sub(time.Date(began.Year(), began.Month(), began.Day(), 0, 0, 0, 0, began.Location()))
		<-time.After(24*time.Hour - offset) // midnight here
		midnight, orders := time.Now(), s.orders(ctx, person)
		expect.Expect(<-orders).To(Equal(harness.Order{At: midnight, Do: harness.Allow, Until: midnight.Add(time.Hour)}))
		person <- harness.Order{Do: harness.Skip}
		expect.Expect((<-orders).Do).To(Equal(harness.Skip))
		for day := range 3 {
			closed := midnight.Add(time.Duration(day)*24*time.Hour + 6*time.Hour)
			expect.Expect(<-orders).To(Equal(harness.Order{At: closed, Do: harness.Allow, Until: closed.Add(19 * time.Hour)}))
			expect.Expect(time.Now()).To(Equal(closed))
		}
	})
}
