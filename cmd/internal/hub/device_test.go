package hub_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"

	"github.com/needwant/needwant/cmd/internal/hub"
)

var _ = Describe("a device", func() {
	lamp := hub.Device{Name: "lamp", MAC: "7c:49:eb:00:00:01", Placement: "nic"}
	hold := func(link *hub.Link, device hub.Device) (held context.Context, waits func() []string) {
		w := &said{}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		DeferCleanup(cancel)
		held, _ = link.Hold(ctx, device, w.say)
		return held, w.texts
	}
	waiting := func(link *hub.Link, device hub.Device) (granted chan context.Context, waits *said) {
		waits, granted = &said{}, make(chan context.Context, 1)
		ctx, cancel := context.WithCancel(context.Background())
		DeferCleanup(cancel)
		go func() {
			if held, err := link.Hold(ctx, device, waits.say); err == nil {
				granted <- held
			}
		}()
		return granted, waits
	}

	It("belongs to one agent, until that one returns it", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		first, second := l.link("one", s), l.link("two", s)
		held, _ := hold(first, lamp)
		Expect(held).NotTo(BeNil())
		same := lamp
		same.Name, same.MAC = "other-name", "7C-49-EB-00-00-01"
		granted, waits := waiting(second, same)
		Eventually(waits.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("agent one has the device")))
		Expect(granted).NotTo(Receive())
		Expect(first.Return(ctx, lamp)).To(Succeed())
		Eventually(granted).WithContext(ctx).Should(Receive())
		fleet, err := l.directory.Status(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(fleet.Devices).To(HaveExactElements(And(HaveField("Agent", "two"), HaveField("Held", true), HaveField("Name", "other-name"))))
		Expect(fleet.Agents).To(HaveEach(HaveField("Now()", true)))
	}, SpecTimeout(time.Minute))

	It("is known to the hub if it is returned before the agent says hello", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("one", s)
		for i := range 10 {
			simulated := hub.Device{Name: fmt.Sprintf("lamp%d", i), Placement: "lab"}
			held, _ := hold(link, simulated)
			Expect(held).NotTo(BeNil())
			Expect(link.Return(ctx, simulated)).To(Succeed())
		}
		fleet, err := l.directory.Status(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(fleet.Devices).To(And(HaveLen(10), HaveEach(And(HaveField("Agent", "one"), HaveField("Held", false)))))
	}, SpecTimeout(time.Minute))

	It("is not the agent's again by a request that comes twice, or after the device was returned", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("one", s)
		server, err := l.directory.Connect()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		requests := make(chan *nats.Msg, 100)
		_, err = server.ChanSubscribe(hub.HelloSubjects+".one", requests)
		Expect(err).NotTo(HaveOccurred())
		Expect(server.Flush()).To(Succeed())
		held, _ := hold(link, lamp)
		Expect(held).NotTo(BeNil())
		var request *nats.Msg
		Eventually(requests).WithContext(ctx).Should(Receive(&request, HaveField("Data", ContainSubstring(lamp.MAC))))
		Expect(link.Return(ctx, lamp)).To(Succeed())
		late := nats.NewMsg(request.Subject)
		late.Header, late.Data = request.Header, request.Data
		reply, err := server.RequestMsgWithContext(ctx, late)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Data)).To(ContainSubstring("it came twice, or too late"))
		fleet, err := l.directory.Status(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(fleet.Devices).To(HaveExactElements(HaveField("Held", false)))
	}, SpecTimeout(time.Minute))

	It("stays the agent's that is cut off, until the user takes it away", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		credentials := l.credentials("one")
		first, second := l.connect(credentials, s), l.link("two", s)
		held, _ := hold(first, lamp)
		Expect(held).NotTo(BeNil())
		_, err := l.directory.Release(ctx, lamp.MAC, true)
		Expect(err).To(MatchError(ContainSubstring("agent one has 7c:49:eb:00:00:01, and is connected")))
		first.Close() // as if cut off; its experiment continues
		granted, waits := waiting(second, lamp)
		Eventually(waits.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("agent one has the device")))
		l.stop() // what the hub knows is on its disk
		l.start()
		Eventually(func() error { _, err := l.directory.Release(ctx, "lamp", false); return err }).WithContext(ctx).
			Should(MatchError(ContainSubstring("repeat this with --stopped")))
		Consistently(granted).Within(time.Second).ShouldNot(Receive())
		Expect(held.Err()).NotTo(HaveOccurred())
		Expect(l.directory.Release(ctx, "lamp", true)).To(ContainSubstring("is free"))
		Eventually(granted).WithContext(ctx).Should(Receive())

		again := l.connect(credentials, s)
		back, waitsBack := waiting(again, lamp)
		Eventually(waitsBack.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("agent two has the device")))
		Expect(back).NotTo(Receive())
	}, SpecTimeout(time.Minute))

	It("is not waited for by an agent that is not let in any more", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		first, second := l.link("one", s), l.link("two", s)
		held, _ := hold(first, lamp)
		Expect(held).NotTo(BeNil())
		ended := make(chan error, 1)
		go func() {
			_, err := second.Hold(ctx, lamp, s.say)
			ended <- err
		}()
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("agent one has the device")))
		Expect(l.directory.Remove("two")).To(Succeed())
		Eventually(ended).WithContext(ctx).Should(Receive(MatchError(hub.ErrRejected)))
	}, SpecTimeout(time.Minute))

	It("is the agent's at once if it has no MAC address, even if the hub is not reachable", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		credentials := l.credentials("one")
		l.stop()
		link := l.connect(credentials, s)
		held, err := link.Hold(ctx, hub.Device{Name: "simulated", Placement: "lab"}, s.say)
		Expect(err).NotTo(HaveOccurred())
		Expect(held.Err()).NotTo(HaveOccurred())
		granted, waits := waiting(link, lamp)
		Eventually(waits.texts).WithContext(ctx).WithTimeout(20 * time.Second).Should(ContainElement(ContainSubstring("not reachable")))
		Expect(granted).NotTo(Receive())
		l.start()
		Eventually(granted).WithContext(ctx).WithTimeout(20 * time.Second).Should(Receive())
	}, SpecTimeout(time.Minute))

	It("has one process of an agent, whatever credentials were copied", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		credentials := l.credentials("one")
		held, _ := hold(l.connect(credentials, s), lamp)
		Expect(held).NotTo(BeNil())
		granted, waits := waiting(l.connect(credentials, s), lamp)
		Eventually(waits.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("another process used the credentials of agent one")))
		Expect(granted).NotTo(Receive())
	}, SpecTimeout(time.Minute))
})
