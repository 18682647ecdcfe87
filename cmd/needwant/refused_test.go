package main_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("a port that is in use", Label("root"), func() {
	for _, network := range []string{"udp", "tcp"} {
		It("leaves the router as it was, and is told with the remedy: "+network, func(ctx SpecContext) {
			h := newHome(ctx)
			h.asRouter(ctx)
			before := h.resting(ctx)
			h.occupy(ctx, network, "0.0.0.0:10053")
			run := h.needwant(ctx, "bisect", h.hostSpec(), "--allow-actuation", "--wait", "3s")
			Expect(run.Code).To(Equal(3), run.Stderr)
			Expect(run.Stderr).To(MatchRegexp(`port 10053 .*in use.*: stop what listens there \('ss -lnp sport = :10053' names it\)`))
			h.expectWhole(ctx, before)
			h.expectClean()
		}, SpecTimeout(time.Minute))
	}
})

var _ = Describe("a step that makes the device do something", Label("root"), func() {
	It("is not made unless it is allowed, and nothing is touched before that is known", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.resting(ctx)
		for _, verb := range []string{"bisect", "check"} {
			run := h.needwant(ctx, verb, h.spec())
			Expect(run.Code).To(Equal(2), run.Stderr)
			Expect(run.Stderr).To(ContainSubstring("scenario native_app makes the device do something: add --allow-actuation"))
			Expect(run.Stderr).NotTo(ContainSubstring("putting the device"))
		}
		h.expectWhole(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))
})

// occupy takes a port of the machine.
func (h *home) occupy(ctx SpecContext, network, address string) {
	GinkgoHelper()
	if network == "tcp" {
		listener, err := h.machine.Listen(ctx, network, address)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		return
	}
	socket, err := h.machine.ListenPacket(ctx, network, address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(socket.Close)
}
