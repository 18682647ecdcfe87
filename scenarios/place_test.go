package scenarios_test

import (
	"context"
	"net"
	"os/exec"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

// walled is a place that lets nothing out and notes who tried.
type walled struct {
	mutex sync.Mutex
	tried []string
}

func (w *walled) note(what string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.tried = append(w.tried, what)
}

func (w *walled) place() scenarios.Place {
	return scenarios.Place{
		Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			w.note(network + " " + address)
			return nil, net.ErrClosed
		},
		Packets: func(_ context.Context, network, _ string) (net.PacketConn, error) {
			w.note(network)
			return nil, net.ErrClosed
		},
		Command: func(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
			w.note(name)
			return exec.CommandContext(ctx, name, args...), func() error { return net.ErrClosed }
		},
	}
}

var _ = Describe("a place", func() {
	// Every server is there and would answer, if something went past the place.
	DescribeTable("is the only way out, for", func(ctx SpecContext, start way, via string) {
		engine, step := start()
		wall := &walled{}
		engine.Place = wall.place()
		engine.Home = hass.NewToken("token")
		if engine.Device != nil {
			engine.Device.Dial = wall.place().Dial
		}
		step.Timeout = 5 * time.Second
		outcome := check(ctx, engine, one(step))
		Expect(outcome.Answer).NotTo(Equal(harness.Pass), "something went another way")
		Expect(wall.tried).To(ContainElement(HavePrefix(via)))
	},
		Entry("miio", on(s50), "udp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("hass", home(200, "docked", 0), "tcp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("http", web(200, 0), "tcp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("tcp", port(func(c net.Conn) { _, _ = c.Write([]byte("hello")) }, ""), "tcp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("dns", func() (*scenarios.Engine, scenarios.Step) {
			engine, step := names(0, "")()
			step.Do.(*scenarios.DNS).Server = engine.Place.Resolver.String()
			return engine, step
		}, "udp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("ntp", clock(2, ""), "udp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("mqtt", broker(scenarios.MQTT{To: "a"}, ""), "tcp 127.0.0.1:", SpecTimeout(30*time.Second)),
		Entry("ping", here(&scenarios.Ping{Host: "127.0.0.1", Count: 1}, ""), "ip4:icmp", SpecTimeout(30*time.Second)),
		Entry("exec", here(&scenarios.Exec{Command: []string{"true"}}, ""), "true", SpecTimeout(30*time.Second)),
		Entry("ginkgo", suite(oneSpec), "/", SpecTimeout(30*time.Second)),
		Entry("power by a program", here(&scenarios.Power{Exec: &scenarios.Toggle{Off: "true", On: "true"}, Off: time.Millisecond}, ""), "true", SpecTimeout(30*time.Second)),
	)

	It("asks its own resolver for names", func(ctx SpecContext) {
		engine, _ := names(0, "")()
		wall := &walled{}
		resolver := engine.Place.Resolver.String()
		engine.Place.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == resolver {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			return wall.place().Dial(ctx, network, address)
		}
		check(ctx, engine, one(scenarios.Step{Do: &scenarios.TCP{Address: "a.example:80"}}))
		Expect(wall.tried).To(HaveExactElements("tcp 192.0.2.7:80"))
	}, SpecTimeout(30*time.Second))
})

var _ = Describe("steps", func() {
	It("hand values on", func(ctx SpecContext) {
		device := newDevice(map[string]string{"get_status": s50, "get_prop": `[100]`})
		spec := scenarios.Spec{Name: "two", Steps: []scenarios.Step{
			{Do: &scenarios.Miio{Method: "get_status"}, Save: map[string]string{"battery": "result[0].battery"}},
			{Do: &scenarios.Miio{Method: "get_prop"}, Expect: "result[0] == saved.battery"},
		}}
		Expect(check(ctx, &scenarios.Engine{Device: device.client()}, spec)).To(HaveField("Answer", harness.Pass))
		spec.Steps[0].Save["battery"] = "result[7].battery"
		Expect(check(ctx, &scenarios.Engine{Device: device.client()}, spec)).To(And(
			HaveField("Answer", harness.Fail), HaveField("Why", ContainSubstring("expected result[7].battery to save, got the answer"))))
	}, SpecTimeout(30*time.Second))

	It("that are always made are made after a failure, and do not hide it", func(ctx SpecContext) {
		spec := scenarios.Spec{Name: "three", Steps: []scenarios.Step{
			{Do: &scenarios.Exec{Command: []string{"false"}}},
			{Do: &scenarios.Exec{Command: []string{"echo", "never"}}},
			{Do: &scenarios.Exec{Command: []string{"echo", "put back"}}, Always: true},
		}}
		outcome := check(ctx, new(scenarios.Engine), spec)
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(HavePrefix("exec false"))
		Expect(outcome.Steps).To(HaveExactElements(HaveField("Step", "exec false"), HaveField("Saw", "exit 0 put back")))
	}, SpecTimeout(30*time.Second))

	It("that are always made are made even when the check is stopped", func(ctx SpecContext) {
		stopped, stop := context.WithCancel(ctx)
		spec := scenarios.Spec{Name: "two", Steps: []scenarios.Step{
			{Do: &scenarios.Prompt{Text: "Wait"}},
			{Do: &scenarios.Exec{Command: []string{"echo", "put back"}}, Always: true},
		}}
		engine := &scenarios.Engine{Ask: func(ctx context.Context, _ scenarios.Question) (string, error) {
			stop()
			return "", ctx.Err()
		}}
		outcome := check(stopped, engine, spec)
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Steps[1]).To(And(HaveField("Saw", "exit 0 put back"), HaveField("Answer", harness.Pass)))
	}, SpecTimeout(30*time.Second))
})
