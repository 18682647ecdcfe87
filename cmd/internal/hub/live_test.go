package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/nats-io/nats.go"

	"github.com/needwant/needwant/cmd/internal/hub"
)

// drama is an experiment that an agent shows.
type drama struct {
	mu      sync.Mutex
	run     string
	state   string
	changed chan struct{}
	acts    []string
}

func (d *drama) turn(run, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run, d.state = run, state
	if d.changed != nil {
		close(d.changed)
	}
	d.changed = make(chan struct{})
}

func (d *drama) acted() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.acts...)
}

// show has an agent show the experiment until the spec ends, or before.
func (d *drama) show(link *hub.Link, device string) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		link.Show(ctx, device, hub.Experiment{
			State: func() (string, json.RawMessage, <-chan struct{}) {
				d.mu.Lock()
				defer d.mu.Unlock()
				return d.run, json.RawMessage(d.state), d.changed
			},
			Do: func(act json.RawMessage) json.RawMessage {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.acts = append(d.acts, string(act))
				return json.RawMessage(fmt.Sprintf(`"%d done"`, len(d.acts)))
			},
		})
	}()
	end = sync.OnceFunc(func() { cancel(); <-over })
	DeferCleanup(end)
	return end
}

var _ = Describe("an experiment that an agent shows", func() {
	const file = "garage.lamp.RUN.run"
	shown := func(l *laboratory, file string) func() string {
		return func() string { state, _ := l.hub.State(file); return string(state) }
	}
	act := func(ctx context.Context, l *laboratory, what string) string {
		GinkgoHelper()
		reply, err := l.hub.Act(ctx, file, json.RawMessage(what))
		Expect(err).NotTo(HaveOccurred())
		return string(reply)
	}

	It("is seen at the hub, and does what people want there, also after the hub was started again", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("garage", s)
		d := &drama{}
		d.turn("", "")
		end := d.show(link, "lamp")
		_, err := l.hub.Act(ctx, file, json.RawMessage(`"pause"`))
		Expect(err).To(MatchError(ContainSubstring("not connected, or the experiment is over")))
		for range 2 {
			d.turn("RUN", `"first"`)
			Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`"first"`))
			_, before := l.hub.State(file)
			d.turn("RUN", `"second"`)
			Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`"second"`))
			_, after := l.hub.State(file)
			Expect(after).To(BeNumerically(">", before))
			done := len(d.acted())
			Expect(act(ctx, l, `"pause"`)).To(Equal(fmt.Sprintf(`"%d done"`, done+1)))
			Expect(act(ctx, l, `"resume"`)).To(Equal(fmt.Sprintf(`"%d done"`, done+2)))
			l.stop()
			l.start()
		}
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`"second"`))
		Expect(d.acted()).To(Equal([]string{`"pause"`, `"resume"`, `"pause"`, `"resume"`}))
		d.turn("NEXT", `"third"`)
		Eventually(shown(l, "garage.lamp.NEXT.run")).WithContext(ctx).Should(Equal(`"third"`))
		Expect(shown(l, file)()).To(BeEmpty())
		end()
		Eventually(shown(l, "garage.lamp.NEXT.run")).WithContext(ctx).Should(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("takes nothing that comes again, was meant for another agent, or is not signed by the hub", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link, other := l.link("garage", s), l.link("attic", s)
		d, e := &drama{}, &drama{}
		d.turn("RUN", `1`)
		e.turn("RUN", `1`)
		d.show(link, "lamp")
		e.show(other, "lamp")
		orders := make(chan *nats.Msg, 10)
		_, err := link.Connection().ChanSubscribe(hub.ActSubjects+".garage", orders)
		Expect(err).NotTo(HaveOccurred())
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`1`))
		act(ctx, l, `"pause"`)
		var order *nats.Msg
		Eventually(orders).WithContext(ctx).Should(Receive(&order))
		server, err := l.directory.Connect()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		rejected := func(subject, why string, change func(*nats.Msg)) {
			GinkgoHelper()
			again := nats.NewMsg(subject)
			again.Data, again.Header = order.Data, nats.Header{}
			for name, values := range order.Header {
				again.Header[name] = values
			}
			change(again)
			Expect(server.PublishMsg(again)).To(Succeed())
			Expect(server.Flush()).To(Succeed())
			Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(why)))
		}
		rejected(order.Subject, "it came twice, or too late", func(*nats.Msg) {})
		rejected(hub.ActSubjects+".attic", "did not sign it, or meant another process", func(*nats.Msg) {})
		rejected(order.Subject, "did not sign it", func(m *nats.Msg) {
			m.Data = []byte(strings.Replace(string(m.Data), "pause", "allow", 1))
		})
		rejected(order.Subject, "did not sign it", func(m *nats.Msg) { Expect(link.Sign(m)).To(Succeed()) }) // by the agent itself
		Expect(act(ctx, l, `"resume"`)).To(Equal(`"2 done"`))
		Expect(d.acted()).To(Equal([]string{`"pause"`, `"resume"`}))
		Expect(e.acted()).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("cannot be shown by another agent, is not what it was before, and has a limit", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link, thief := l.link("garage", s), l.link("thief", s)
		server, err := l.directory.Connect()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		scenes := make(chan *nats.Msg, 100)
		_, err = server.ChanSubscribe(hub.SceneSubjects+".garage", scenes)
		Expect(err).NotTo(HaveOccurred())
		Expect(server.Flush()).To(Succeed())
		d := &drama{}
		d.turn("RUN", `1`)
		d.show(link, "lamp")
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`1`))
		var old *nats.Msg
		Eventually(scenes).WithContext(ctx).Should(Receive(&old))
		d.turn("RUN", `2`)
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`2`))

		By("what was shown before")
		_, version := l.hub.State(file)
		Expect(server.PublishMsg(&nats.Msg{Subject: old.Subject, Header: old.Header, Data: old.Data})).To(Succeed())

		By("what another agent shows")
		forged := nats.NewMsg(old.Subject)
		forged.Data = old.Data
		Expect(thief.Sign(forged)).To(Succeed())
		Expect(thief.Connection().PublishMsg(forged)).To(Succeed())
		Eventually(s.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("the hub does not allow it")))
		Expect(server.PublishMsg(forged)).To(Succeed())
		Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring(`"garage": what an experiment shows was not signed by that agent`)))
		state, now := l.hub.State(file) // what came first was looked at first
		Expect(string(state)).To(Equal(`2`))
		Expect(now).To(Equal(version))

		By("what is too long")
		long := &drama{}
		long.turn("LONG", `"`+strings.Repeat("x", hub.MostState)+`"`)
		long.show(link, "lamp")
		Eventually(l.said.texts).WithContext(ctx).Should(ContainElement(ContainSubstring("is too long")))

		By("more than there is room for")
		for n := range hub.MostDevices + 1 {
			more := &drama{}
			more.turn(fmt.Sprintf("RUN%d", n), `1`)
			more.show(thief, "lamp")
		}
		Eventually(l.said.texts).WithContext(ctx).WithTimeout(20 * time.Second).Should(ContainElement(ContainSubstring(`"thief": it shows more experiments`)))
		d.turn("RUN", `3`)
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`3`), "others are still shown")
		Expect(shown(l, "garage.lamp.LONG.run")()).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("is not shown any more when its agent is cut off, and what people want is not done", func(ctx SpecContext) {
		l, s := newLaboratory(), &said{}
		link := l.link("garage", s)
		d := &drama{}
		d.turn("RUN", `1`)
		d.show(link, "lamp")
		Eventually(shown(l, file)).WithContext(ctx).Should(Equal(`1`))
		link.Connection().Close()
		_, err := l.hub.Act(ctx, file, json.RawMessage(`"pause"`))
		Expect(err).To(MatchError(ContainSubstring("it is not known whether that was done")))
		Eventually(shown(l, file)).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeEmpty())
		Expect(d.acted()).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})
