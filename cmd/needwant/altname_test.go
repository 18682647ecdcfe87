package main_test

import (
	"context"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// rename gives the machine's interfaces alternative names, such as systemd does.
func (h *home) rename(ctx context.Context) {
	GinkgoHelper()
	h.in(ctx, "ip link property add dev inside altname enx7c49eb000099; ip link property add dev uplink altname enp0s31f6")
}

// renamed are the changes to a spec that names them so.
var renamed = []string{"inside: inside, uplink: uplink", "inside: enx7c49eb000099, uplink: enp0s31f6"}

var _ = Describe("interfaces that are given by their alternative names", Label("root"), func() {
	It("are moved, watched and brought back, and locked by their own names", func(ctx SpecContext) {
		h := newHome(ctx)
		h.rename(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.spec(renamed...), "--wait", "30s", "--verbose")
		said.until(ctx, "move inside into the namespace")
		said.until(ctx, "the device is behind the gateway")
		other := h.needwant(ctx, "gateway", h.spec("7c:49:eb:00:00:01", "7c:49:eb:00:00:02", "192.168.50.10", "192.168.60.10"))
		Expect(other.Code).To(Equal(3), other.Stderr)
		Expect(other.Stderr).To(ContainSubstring("already runs on interface inside"))
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		h.expectAsBefore(ctx, before)
		h.expectClean()

		checked := h.needwant(ctx, "check", h.spec(renamed...), "--allow-actuation")
		Expect(checked.Code).To(Equal(0), checked.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	It("are the ones that the rules of the user's own router name", func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		h.rename(ctx)
		observed := h.needwant(ctx, "observe", h.hostSpec(renamed...), "--for", "3s", "--wait", "30s")
		Expect(observed.Code).To(Equal(0), observed.Stderr)
		Expect(observed.Stdout).To(ContainSubstring("one.time.example"))
	}, SpecTimeout(time.Minute))

	It("are told apart: one interface is not two by two names", func(ctx SpecContext) {
		h := newHome(ctx)
		h.rename(ctx)
		run := h.needwant(ctx, "gateway", h.spec("inside: inside, uplink: uplink", "inside: uplink, uplink: enp0s31f6"))
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("two links"))
	}, SpecTimeout(time.Minute))

	It("carry the uplink alone", func(ctx SpecContext) {
		h := newHome(ctx)
		h.rename(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.spec("uplink: uplink", "uplink: enp0s31f6"), "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))
})
