package main_test

import (
	"context"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run with a schedule", Label("root"), func() {
	It("keeps to it when it is resumed, until another is given", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "n.run")
		load := func() harness.Run {
			run, err := runfile.Load(context.Background(), path)
			Expect(err).NotTo(HaveOccurred())
			return run
		}
		night := time.Now().Add(2*time.Hour).Format("15:04") + "-" + time.Now().Add(3*time.Hour).Format("15:04")
		begun := needwant(ctx, "bisect", "lab-s50", "--allow-actuation", "--out", path, "--schedule", night, "--for", "1s")
		Expect(begun.Code).To(Equal(4), begun.Stderr)
		Expect(load().Settings.Schedule).To(Equal(night))
		Expect(load().Orders).To(HaveExactElements(HaveField("Do", harness.Allow)))

		resumed := needwant(ctx, "bisect", "lab-s50", "--allow-actuation", "--resume", "--out", path, "--for", "1s")
		Expect(resumed.Code).To(Equal(4), resumed.Stderr)
		Expect(load().Orders).To(HaveExactElements(HaveField("Do", harness.Allow), HaveField("Do", harness.Allow)))

		Expect(needwant(ctx, "resume", path, "--schedule", night, "--horizon", "3h").Stderr).To(ContainSubstring("no block could be held for so long"))
		needwant(ctx, "bisect", "lab-s50", "--allow-actuation", "--resume", "--out", path, "--schedule", "always", "--for", "1s")
		Expect(load().Orders).To(HaveLen(2))
	}, SpecTimeout(time.Minute))
})
