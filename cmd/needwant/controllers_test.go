package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/scenarios/miio"
)

// standIn is a Home Assistant in a namespace, by its REST calls: it polls when it
// is asked to.
type standIn struct {
	device *miio.Client
	state  string
}

// assistant starts one at an address, which asks the device at another.
func (h *home) assistant(ctx context.Context, namespace *netns.Namespace, at, device string) {
	GinkgoHelper()
	token, err := miio.ParseToken(h.Device.Token)
	Expect(err).NotTo(HaveOccurred())
	s := &standIn{state: "unknown", device: &miio.Client{
		Address: netip.AddrPortFrom(netip.MustParseAddr(device), miio.DefaultPort), Token: token,
		Attempts: 2, Timeout: 250 * time.Millisecond, Dial: namespace.Dial,
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/services/homeassistant/update_entity", s.poll)
	mux.HandleFunc("GET /api/states/vacuum.device", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"state": s.state})
	})
	listener, err := namespace.Listen(ctx, "tcp", at)
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	DeferCleanup(server.Close)
	go func() { _ = server.Serve(listener) }()
}

func (s *standIn) poll(_ http.ResponseWriter, r *http.Request) {
	s.state = "docked"
	if _, err := s.device.Call(r.Context(), "get_status", nil); err != nil {
		s.state = "unavailable"
	}
}

// withNeighbour is what a device does when it is switched on that shares its
// network with somebody: the two are on a switch.
func withNeighbour(neighbour *netns.Namespace) func(ctx context.Context, device *netns.Namespace, link string) {
	return func(ctx context.Context, device *netns.Namespace, link string) {
		// Switched on again, it is there already.
		_ = netns.Veth(netns.End{Namespace: device, Name: "port"}, netns.End{Namespace: neighbour, Name: "eth0"})
		_ = device.Command(ctx, "sh", "-ec", `
			ip link add switch address 7c:49:eb:00:00:01 type bridge
			ip link set eth0 master switch; ip link set port master switch; ip link set switch up`).Run()
		join(ctx, device, "switch")
	}
}

const controllersSpec = `
scenarios:
  behind: {steps: [{hass: {url: "http://192.168.50.20:8123", entity: vacuum.device, refresh: true, apart: 1ms, interval: 1s, poll_timeout: 1s}, expect: 'state == "docked"'}], from: lan}
  routed: {steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true, apart: 1ms}, expect: EXPECT}], from: lan}
  forwarded: {steps: [{hass: {url: "http://192.168.1.10:8123", entity: vacuum.device, refresh: true, apart: 1ms}, expect: EXPECT}], from: lan}
  here: {steps: [{hass: {url: "http://192.168.1.3:8123", entity: vacuum.device, refresh: true, apart: 1ms}, expect: EXPECT}], from: lan}
  loopback: {steps: [{hass: {url: "http://localhost:8123", entity: vacuum.device, refresh: true, apart: 1ms}, expect: EXPECT}], from: lan}
`

const blindSpec = `
scenarios:
  behind: {steps: [{hass: {url: "http://192.168.50.20:8123", entity: vacuum.device, refresh: true, apart: 1ms, interval: 1s, poll_timeout: 1s}, expect: EXPECT}], from: lan}
`

var _ = Describe("Home Assistant, wherever it stands", Label("root"), func() {
	It("asks the device by a way that counts as lan if the gateway sees it, and is said to judge from there", func(ctx SpecContext) {
		behind := netnstest.New()
		h := newHomeOf(ctx, plugWorld, withNeighbour(behind))
		Expect(behind.AddAddress("eth0", netip.MustParsePrefix("192.168.50.20/24"))).To(Succeed())
		Expect(behind.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1"))).To(Succeed())
		h.assistant(ctx, behind, "192.168.50.20:8123", "192.168.50.10")
		h.assistant(ctx, h.App, "192.168.1.10:8123", "192.168.1.2") // the gateway's own address
		h.assistant(ctx, h.machine, "192.168.1.3:8123", "192.168.50.10")
		h.assistant(ctx, h.machine, "127.0.0.1:8123", "192.168.50.10")

		before := h.settled(ctx)
		spec := h.controllers(controllersSpec, `state == "docked" && path == "lan"`)
		// A poll of a real Home Assistant is asked for every 11 s at most: one check of each tells.
		run := h.needwant(ctx, "check", spec)
		Expect(run.Code).To(Equal(0), run.Stdout+run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
		for name, from := range map[string]string{
			"behind": "lan, of a Home Assistant in the device's own network", "routed": "lan", "forwarded": "lan",
			"here": "lan, of a Home Assistant on the machine that needwant runs on", "loopback": "lan, of a Home Assistant on the machine that needwant runs on",
		} {
			Expect(run.Stdout).To(MatchRegexp(`(?m)^%s works, from %s, in`, name, from))
		}

		// Of what the gateway cannot see, nothing is concluded.
		blind := h.needwant(ctx, "check", h.controllers(blindSpec, `state == "docked" && path == "lan"`))
		Expect(blind.Code).To(Equal(3), blind.Stdout+blind.Stderr)
		Expect(blind.Stdout).To(ContainSubstring("the gateway cannot see Home Assistant and the device talk to each other"))
	}, SpecTimeout(4*time.Minute))
})
