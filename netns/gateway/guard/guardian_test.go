package guard_test

import (
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("a cleanup process that another program has stopped or killed", Label("root"), func() {
	// A shell is the guardian, and does to itself what the other program does.
	start := func(ctx SpecContext, script string) (*guard.Guardian, *guard.Journal) {
		GinkgoHelper()
		folder := GinkgoT().TempDir()
		lock, err := guard.Take(ctx, folder, "the device")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(lock.Release)
		journal, err := guard.NewJournal(folder, "the device", guard.Link{}, nil)
		Expect(err).NotTo(HaveOccurred())
		guardian, err := guard.Start([]string{"sh", "-c", script}, journal, netnstest.New(), lock)
		Expect(err).NotTo(HaveOccurred())
		return guardian, journal
	}

	It("is an error when it is killed before it is ready", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		lock, err := guard.Take(ctx, folder, "the device")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(lock.Release)
		journal, err := guard.NewJournal(folder, "the device", guard.Link{}, nil)
		Expect(err).NotTo(HaveOccurred())
		_, err = guard.Start([]string{"sh", "-c", "kill -TERM $$"}, journal, netnstest.New(), lock)
		Expect(err).To(MatchError("starting the guardian: it ended at once"))
	}, SpecTimeout(20*time.Second))

	It("is dismissed though it was stopped", func(ctx SpecContext) {
		guardian, journal := start(ctx, "echo >&5; kill -STOP $$")
		Expect(os.Remove(journal.Path())).To(Succeed())
		Expect(guardian.Dismiss()).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is not missed when everything is back", func(ctx SpecContext) {
		guardian, journal := start(ctx, "echo >&5; kill -KILL $$")
		Expect(os.Remove(journal.Path())).To(Succeed())
		Expect(guardian.Dismiss()).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is reported when something is left", func(ctx SpecContext) {
		guardian, _ := start(ctx, "echo >&5; kill -KILL $$")
		Expect(guardian.Dismiss()).To(MatchError("the guardian ended before everything was back: signal: killed"))
	}, SpecTimeout(20*time.Second))
})
