package hub_test

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"

	"github.com/needwant/needwant/cmd/internal/hub"
)

var _ = Describe("the queue of a hub", func() {
	lamp := hub.Device{Name: "lamp", Placement: "lab"}
	plug := hub.Device{Name: "plug", MAC: "7c:49:eb:00:00:01", Placement: "nic"}
	queue := func(l *laboratory, q hub.Queueing) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return l.directory.Queue(ctx, q) }
	}
	add := func(ctx context.Context, l *laboratory, devices ...string) {
		GinkgoHelper()
		Eventually(queue(l, hub.Queueing{Add: true, Devices: devices})).WithContext(ctx).Should(HaveSuffix("is in the queue."))
	}
	entry := func(l *laboratory, device string) func(context.Context) (hub.Entry, error) {
		return func(ctx context.Context) (found hub.Entry, err error) {
			fleet, err := l.directory.Status(ctx)
			for _, known := range fleet.Devices {
				if known.Title() == device && known.Entry != nil {
					found = *known.Entry
				}
			}
			return found, err
		}
	}
	take := func(ctx context.Context, link *hub.Link, device hub.Device) hub.Entry {
		GinkgoHelper()
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		taken, err := link.Take(ctx, device)
		Expect(err).NotTo(HaveOccurred())
		return taken
	}
	takesNothing := func(ctx context.Context, link *hub.Link, device hub.Device) {
		GinkgoHelper()
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second) // longer than from one request to the next
		defer cancel()
		_, err := link.Take(ctx, device)
		Expect(err).To(MatchError(context.DeadlineExceeded))
	}

	It("gives an agent the same entry until it is over, also after either side was started again", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		credentials := l.credentials("garage")
		link := l.connect(credentials, s)
		link.Offer(lamp)
		add(ctx, l, "garage/lamp")
		Expect(queue(l, hub.Queueing{Add: true, Devices: []string{"garage"}})(ctx)).To(Equal("garage/lamp is in the queue already."))
		waiting, err := entry(l, "garage/lamp")(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(waiting.Begun).To(BeZero(), "the device is not free")
		l.stop()
		l.start()
		Expect(take(ctx, link, lamp).ID).To(Equal(waiting.ID))
		l.stop()
		l.start()
		Expect(take(ctx, link, lamp).ID).To(Equal(waiting.ID))
		Expect(entry(l, "garage/lamp")(ctx)).To(HaveField("Begun", Not(BeZero())))
		link.Close() // it was killed

		again := l.connect(credentials, s)
		again.Offer(lamp)
		Expect(take(ctx, again, lamp).ID).To(Equal(waiting.ID))
		again.Report(lamp, waiting.ID, false, "the plug\nis out: "+strings.Repeat("é", 200))
		Eventually(entry(l, "garage/lamp")).WithContext(ctx).Should(And(HaveField("Why", HavePrefix("the plug is out: é")), HaveField("Over", BeZero())))
		l.stop()
		again.Report(lamp, waiting.ID, true, "")
		l.start()
		Eventually(entry(l, "garage/lamp")).WithContext(ctx).WithTimeout(20 * time.Second).Should(And(HaveField("Why", ""), HaveField("Over", Not(BeZero()))))
		takesNothing(ctx, again, lamp)
		add(ctx, l, "garage/lamp")
		Expect(take(ctx, again, lamp).ID).NotTo(Equal(waiting.ID))
	}, SpecTimeout(2*time.Minute))

	It("gives no entry before its time, none that was removed, and none to an agent that does not offer the device", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("garage", s)
		withdraw := link.Offer(lamp)
		after := time.Now().Add(6 * time.Second)
		Eventually(queue(l, hub.Queueing{Add: true, Exact: true, Devices: []string{"garage/lamp"}, After: after})).WithContext(ctx).Should(HaveSuffix("is in the queue."))
		taken := take(ctx, link, lamp)
		Expect(taken.Exact).To(BeTrue())
		Expect(taken.Begun).To(BeTemporally(">=", after))
		Expect(queue(l, hub.Queueing{Devices: []string{"garage/lamp"}})(ctx)).To(ContainSubstring("A run that has begun continues"))
		Expect(queue(l, hub.Queueing{Devices: []string{"garage/lamp"}})(ctx)).To(HaveSuffix("is not in the queue."))
		link.Report(lamp, taken.ID, true, "too late")
		takesNothing(ctx, link, lamp)
		Expect(entry(l, "garage/lamp")(ctx)).To(BeZero())
		_, err := queue(l, hub.Queueing{Add: true, Devices: []string{"garage/lamp", "garage/fan"}})(ctx)
		Expect(err).To(MatchError(ContainSubstring("the hub knows no device garage/fan, and nothing was changed")))
		Expect(entry(l, "garage/lamp")(ctx)).To(BeZero())

		withdraw()
		add(ctx, l, "garage/lamp")
		takesNothing(ctx, link, lamp)
		Expect(entry(l, "garage/lamp")(ctx)).To(HaveField("Begun", BeZero()))
	}, SpecTimeout(time.Minute))

	It("ends an entry whose device went to another agent, which does not get it", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		garage, attic := l.link("garage", s), l.link("attic", s)
		withdraw := garage.Offer(plug)
		add(ctx, l, "garage/plug")
		attic.Offer(plug)
		takesNothing(ctx, attic, plug)
		Expect(entry(l, "garage/plug")(ctx)).To(HaveField("Over", BeZero()))
		withdraw()
		garage.Offer(lamp)
		Eventually(entry(l, "attic/plug")).WithContext(ctx).WithTimeout(20 * time.Second).Should(HaveField("Why", "agent attic has the device now"))
		takesNothing(ctx, attic, plug)
		add(ctx, l, "attic/plug")
		Expect(take(ctx, attic, plug).ID).NotTo(BeEmpty())

		_, err := garage.Hold(ctx, plug, s.say) // no agent holds it
		Expect(err).NotTo(HaveOccurred())
		Expect(entry(l, "garage/plug")(ctx)).To(And(HaveField("Over", Not(BeZero())), HaveField("Why", "agent garage has the device now")))
	}, SpecTimeout(2*time.Minute))

	It("ends an entry that its agent did not take in 30 days", func() {
		now := time.Now()
		known := hub.Known{Device: lamp, Agent: "garage", Entry: &hub.Entry{ID: "RUN", Added: now.Add(-60 * 24 * time.Hour), After: now.Add(-29 * 24 * time.Hour)}}
		next, given := hub.Give(known, now)
		Expect(given).To(HaveField("ID", "RUN"))
		Expect(next.Entry.Begun).To(Equal(now))
		known.Entry.After = time.Time{}
		next, given = hub.Give(known, now)
		Expect(given).To(BeNil())
		Expect(next.Entry.Why).To(ContainSubstring("did not take it in 30 days"))
	})

	It("changes nothing for an agent that speaks for another one, and an agent takes nothing that its hub did not sign", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link, thief := l.link("garage", s), l.link("thief", s)
		link.Offer(lamp)
		add(ctx, l, "garage/lamp")
		waiting, err := entry(l, "garage/lamp")(ctx)
		Expect(err).NotTo(HaveOccurred())
		wish := map[string]any{"instance": "other", "number": 1000, "devices": []hub.Device{lamp}, "free": []string{"lamp"}, "notices": []map[string]any{{"device": "lamp", "id": waiting.ID, "over": true}}}
		ask := func(agent string) *nats.Msg {
			GinkgoHelper()
			m := nats.NewMsg(hub.QueueSubjects + "." + agent)
			m.Reply = thief.Connection().NewRespInbox()
			m.Data, err = json.Marshal(wish)
			Expect(err).NotTo(HaveOccurred())
			Expect(thief.Sign(m)).To(Succeed())
			return m
		}
		Expect(thief.Connection().PublishMsg(ask("garage"))).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub does not allow it")))
		server, err := l.directory.Connect()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		reply, err := server.RequestMsgWithContext(ctx, ask("garage")) // as a server of a cluster could
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Data)).To(ContainSubstring("was not signed by the agent that it names"))
		Expect(entry(l, "garage/lamp")(ctx)).To(Equal(waiting))

		wish["devices"] = []map[string]any{{"name": "garage.lamp"}, {"name": "lamp"}}
		reply, err = server.RequestMsgWithContext(ctx, ask("thief"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Data)).NotTo(ContainSubstring(waiting.ID))
		Expect(entry(l, "garage/lamp")(ctx)).To(Equal(waiting))

		By("answers that the hub did not make, which arrive first")
		forged := make(chan bool, 100)
		_, err = server.Subscribe(hub.QueueSubjects+".garage", func(m *nats.Msg) {
			answer := nats.NewMsg(m.Reply)
			answer.Data = []byte(`{"entries": {"lamp": {"id": "FORGED"}}}`)
			if thief.Sign(answer) == nil && server.PublishMsg(answer) == nil {
				forged <- true
			}
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(server.Flush()).To(Succeed())
		Eventually(func() int {
			patient, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			taken, _ := link.Take(patient, lamp)
			Expect(taken.ID).To(BeElementOf("", waiting.ID))
			return len(forged)
		}).WithContext(ctx).Within(time.Minute).Should(BeNumerically(">=", 5))
	}, SpecTimeout(2*time.Minute))
})
