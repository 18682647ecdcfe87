package hub_test

import (
	"os"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/hub"
)

var _ = Describe("a hub with a full disk", Label("root"), func() {
	It("says so, and has every record once there is room", func(ctx SpecContext) {
		directory := GinkgoT().TempDir()
		Expect(syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=160m")).To(Succeed())
		DeferCleanup(func() { Expect(syscall.Unmount(directory, syscall.MNT_DETACH)).To(Succeed()) })
		l, s := &laboratory{directory: hub.Directory(directory), address: "127.0.0.1:0"}, &said{}
		l.start()
		DeferCleanup(func() { l.stop() })
		link := l.link("garage", s)
		e := begin("RUN")
		e.trials(1, 3)
		sending(link, e.path)
		copied := l.copy("garage", "lamp", "RUN")
		e.same(ctx, copied)

		filler, err := os.Create(filepath.Join(directory, "filler"))
		Expect(err).NotTo(HaveOccurred())
		for block := make([]byte, 1<<20); err == nil; {
			_, err = filler.Write(block)
		}
		Expect(filler.Close()).To(Succeed())
		Expect(err).To(MatchError(syscall.ENOSPC))
		e.trials(4, 60)
		Eventually(l.said.texts).WithContext(ctx).WithTimeout(30 * time.Second).Should(ContainElement(ContainSubstring("less than 68 MiB left")))
		Expect(os.Remove(filler.Name())).To(Succeed())
		e.same(ctx, copied)
		e.trials(61, 70)
		e.same(ctx, copied)
	}, SpecTimeout(2*time.Minute))
})
