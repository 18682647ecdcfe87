package lab_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/scenarios/miio"
)

// home is a lab behind the simplest gateway, with a client on the app host.
type home struct {
	*lab.Lab
	world   lab.World
	gateway *labtest.Gateway
	app     *miio.Client
}

// patiently is how long a spec waits for what must come.
const patiently = 20 * time.Second

func live(ctx context.Context, world lab.World) *home {
	GinkgoHelper()
	l, err := lab.Start(ctx, world, lab.Options{Seed: 1})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	gateway, err := labtest.Open(l)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(gateway.Close)
	Expect(l.Restart(ctx)).To(Succeed(), "it may have started before there was a gateway")
	token, err := miio.ParseToken(l.Device.Token)
	Expect(err).NotTo(HaveOccurred())
	return &home{l, world, gateway, &miio.Client{
		Address:  netip.AddrPortFrom(l.Device.Address, miio.DefaultPort),
		Token:    token,
		Attempts: 2,
		Timeout:  300 * time.Millisecond,
		Dial:     l.App.Dial,
	}}
}

// asks is a function for Eventually: it fails as the call does.
func (h *home) asks(ctx context.Context, method string, params ...any) func() error {
	return func() error {
		_, err := h.app.Call(ctx, method, params)
		return err
	}
}

func (h *home) result(ctx context.Context, method string) json.RawMessage {
	GinkgoHelper()
	reply, err := h.app.Call(ctx, method, nil)
	Expect(err).NotTo(HaveOccurred())
	return reply.Result
}

// works waits until the device does what it is asked. One that needs something at its start, and
// did not get it on a busy machine, is started again.
func (h *home) works(ctx context.Context) {
	GinkgoHelper()
	for _, request := range [][]any{{"get_status"}, {"find_me", ""}} {
		Eventually(func(g Gomega) {
			_, err := h.app.Call(ctx, request[0].(string), request[1:])
			if err != nil && h.world.Boot != (lab.Functions{}) {
				g.Expect(h.Restart(ctx)).To(Succeed())
			}
			g.Expect(err).NotTo(HaveOccurred())
		}).WithContext(ctx).Within(patiently).Should(Succeed())
	}
}

func (h *home) addresses(ids ...string) []netip.Addr {
	var all []netip.Addr
	for _, id := range ids {
		all = append(all, h.world.Destinations[id].Addresses...)
	}
	return all
}

// block puts destinations out of reach, and waits until the device has tried
// each so often that it must have noticed.
func (h *home) block(how int, ids ...string) {
	GinkgoHelper()
	before := h.Attempts()
	Expect(h.gateway.Block(how, h.addresses(ids...)...)).To(Succeed())
	for _, id := range ids {
		d := h.world.Destinations[id]
		enough := before[d.ID()] + (h.world.Tempo.Patience+1)*len(d.Addresses)
		if len(d.After) > 0 || d.When != lab.Always {
			continue
		}
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue(d.ID(), BeNumerically(">=", enough)))
	}
}

func (h *home) unblock(ids ...string) {
	GinkgoHelper()
	Expect(h.gateway.Unblock(h.addresses(ids...)...)).To(Succeed())
}

// overBoth runs a spec on a world as it is written and with every address moved
// to IPv6.
func overBoth(body func(move func(lab.World) lab.World)) {
	Describe("as written", func() { body(func(w lab.World) lab.World { return w }) })
	Describe("over IPv6", func() {
		body(func(w lab.World) lab.World {
			GinkgoHelper()
			moved, err := labtest.OverIPv6(w)
			Expect(err).NotTo(HaveOccurred())
			return moved
		})
	})
}
