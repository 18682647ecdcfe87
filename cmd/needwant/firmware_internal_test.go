package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

// A watch for another firmware: what the device reports at each reading, and when the result is tested again.
func TestFirmwareWatch(t *testing.T) {
	for name, c := range map[string]struct {
		before  string
		reports []string // "" cannot be read; the last is repeated
		after   time.Duration
		reads   int
		said    int
	}{
		"another firmware":              {"1.0", []string{"1.0", "1.0", "2.0"}, 3 * time.Hour, 3, 1},
		"the same firmware":             {"1.0", []string{"1.0"}, 10 * time.Hour, 9, 0},
		"a device that does not answer": {"1.0", []string{"1.0", "", "", "1.0"}, 10 * time.Hour, 9, 1},
		"a firmware that was not known": {"", []string{"2.0"}, 10 * time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, started, reads, said := NewWithT(t), time.Now(), 0, 0
				watch := firmwareWatch{before: c.before, next: started.Add(time.Hour), each: time.Hour, say: func(string) { said++ }, read: func(context.Context) (string, error) {
					report := c.reports[min(reads, len(c.reports)-1)]
					reads++
					if report == "" {
						return "", errors.New("no answer")
					}
					return report, nil
				}}
				g.Expect(watch.wait(t.Context(), started.Add(10*time.Hour))).To(BeTrue())
				g.Expect(time.Since(started)).To(Equal(c.after))
				g.Expect(reads).To(Equal(c.reads))
				g.Expect(said).To(Equal(c.said))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		NewWithT(t).Expect(firmwareWatch{}.wait(ctx, time.Now().Add(time.Hour))).To(BeFalse(), "the agent was stopped")
	})
}
