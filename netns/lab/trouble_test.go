package lab_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/scenarios/miio"
)

// What people met on real devices, on the simulated one.
var _ = Describe("A device with a peculiarity", Label("root"), func() {
	It("hangs on silence and is restarted, again and again", func(ctx SpecContext) {
		world := library("watchdog")
		world.Tempo.Contact = 250 * time.Millisecond // so that nothing but silence is late
		world, err := labtest.Make(world)
		Expect(err).NotTo(HaveOccurred())
		h := live(ctx, world)
		for _, id := range []string{"cloud", "api"} {
			h.works(ctx)
			began := h.Starts()
			h.block(labtest.Blackhole, id)
			Eventually(h.Starts).Within(patiently).Should(BeNumerically(">", began+1), id)
			Expect(h.asks(ctx, "get_status")()).NotTo(Succeed(), id)
			h.unblock(id)
		}
		h.works(ctx)
		began := h.Starts()
		h.block(labtest.Blackhole, "time")
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("udp/123/time.robot.example",
			BeNumerically(">", h.Attempts()["udp/123/time.robot.example"]+2*h.world.Tempo.Patience)))
		Expect(h.Starts()).To(Equal(began), "its client does not hang")
	}, SpecTimeout(time.Minute))

	It("hangs on a name that is not there", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms}\n"))
		h.works(ctx)
		began := h.Starts()
		h.gateway.BlockNames("a.example")
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("udp/53/resolver",
			BeNumerically(">", h.Attempts()["udp/53/resolver"]+8)))
		Expect(h.Starts()).To(Equal(began), "this one gets over it")

		h = live(ctx, library("blocked-names"))
		h.works(ctx)
		began = h.Starts()
		h.gateway.BlockNames("log.lists.example")
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("udp/53/resolver",
			BeNumerically(">", h.Attempts()["udp/53/resolver"]+8)))
		Expect(h.Starts()).To(Equal(began), "the log's client does not mind")
		h.gateway.BlockNames("mqtt.lists.example")
		Eventually(h.Starts).Within(patiently).Should(BeNumerically(">", began+1))
		Expect(h.asks(ctx, "get_status")()).NotTo(Succeed())
		h.gateway.BlockNames()
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("ignores who asks from another subnet", func(ctx SpecContext) {
		h := live(ctx, library("own-subnet"))
		h.app.Dial = h.Gateway.Namespace.Dial
		h.works(ctx)
		h.app.Dial = h.App.Dial
		Expect(h.asks(ctx, "get_status")()).NotTo(Succeed())
		Expect(h.greeted(ctx, h.App)).To(BeFalse())
		Expect(h.greeted(ctx, h.Gateway.Namespace)).To(BeTrue())
	}, SpecTimeout(time.Minute))

	It("gives no hello while it is mute", func(ctx SpecContext) {
		h := live(ctx, library("cloud-locked"))
		h.works(ctx)
		Expect(h.greeted(ctx, h.App)).To(BeTrue())
		h.block(labtest.Refused, "mqtt")
		Eventually(func() bool { return h.greeted(ctx, h.App) }).WithContext(ctx).Within(patiently).Should(BeFalse())
		h.unblock("mqtt")
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("goes back late to a server that was dead", func(ctx SpecContext) {
		h := live(ctx, library("dead-server"))
		h.works(ctx)
		h.block(labtest.Refused, "broker")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		before := h.Attempts()["tcp/8883/broker.slow.example"]
		other := h.Attempts()["udp/123/time.slow.example"]
		h.unblock("broker")
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("tcp/8883/broker.slow.example", BeNumerically(">", before)))
		Expect(h.Attempts()["udp/123/time.slow.example"]).To(BeNumerically(">", other+8), "it tried the others meanwhile")
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("is reached through the cloud by a Home Assistant that says nothing of it", func(ctx SpecContext) {
		h := live(ctx, library("cloud-fallback"))
		h.works(ctx)
		h.block(labtest.Refused, "account")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		shown := func() string {
			h.refresh(ctx)
			return h.entity(ctx)()
		}
		Eventually(shown).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.block(labtest.Refused, "mqtt")
		Eventually(shown).WithContext(ctx).Within(patiently).Should(Equal("unavailable"))
	}, SpecTimeout(time.Minute))
})

// greeted reports whether the device answers a hello from somewhere.
func (h *home) greeted(ctx SpecContext, from *netns.Namespace) bool {
	GinkgoHelper()
	connection, err := from.Dial(ctx, "udp", h.app.Address.String())
	Expect(err).NotTo(HaveOccurred())
	defer connection.Close()
	Expect(connection.SetDeadline(time.Now().Add(500 * time.Millisecond))).To(Succeed())
	_, err = connection.Write(miio.Hello().Bytes())
	Expect(err).NotTo(HaveOccurred())
	_, err = connection.Read(make([]byte, 100))
	return err == nil
}

var _ = Describe("A late answer", Label("root"), func() {
	It("comes, and comes at once when all is reached", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms}\nlate: {by: 2s, unless: {status: a}}\n"))
		h.works(ctx)
		h.block(labtest.Refused, "a")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed(), "nobody waits so long")
		Expect(h.asks(ctx, "find_me")()).To(Succeed())
		h.app.Timeout = 10 * time.Second
		Expect(h.asks(ctx, "get_status")()).To(Succeed())
	}, SpecTimeout(time.Minute))
})
