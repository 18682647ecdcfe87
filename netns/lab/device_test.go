package lab_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/scenarios/miio"
)

var _ = Describe("A device in its lab", Label("root"), func() {
	overBoth(func(move func(lab.World) lab.World) {
		for _, world := range append(labtest.Core(), labtest.Random(7)) {
			It("contacts all that "+world.Name+" says, and works", func(ctx SpecContext) {
				h := live(ctx, move(world))
				h.works(ctx)
				for _, d := range h.world.Destinations {
					if len(d.After) == 0 {
						Eventually(h.Attempts).Within(patiently).Should(HaveKey(d.ID()))
					}
				}
			}, SpecTimeout(time.Minute))
		}

		for _, world := range []lab.World{library("one-of-each"), library("fallbacks"), labtest.Random(3), labtest.Random(8)} {
			It("comes to what "+world.Name+" says when destinations get out of reach", func(ctx SpecContext) {
				h := live(ctx, move(world))
				draw := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 3))
				for trial := range 4 {
					h.works(ctx)
					h.agrees(ctx, draw, []int{labtest.Refused, labtest.Blackhole}[trial%2])
				}
			}, SpecTimeout(time.Minute))
		}
	})

	It("speaks every protocol, by name and by address", func(ctx SpecContext) {
		h := live(ctx, parsed(head+`tempo: {contact: 80ms}
destinations:
  tls: {addresses: [192.0.2.1], protocol: tcp, port: 443}
  tls6: {addresses: ["2001:db8::1"], protocol: tcp, port: 443}
  ntp: {host: a.example, addresses: [192.0.2.2], protocol: udp, port: 123}
  query: {addresses: [192.0.2.3], protocol: udp, port: 53}
  query_tcp: {addresses: [192.0.2.3], protocol: tcp, port: 53}
  alive: {host: b.example, addresses: [192.0.2.4], protocol: udp, port: 8053}
  echo: {addresses: [192.0.2.5], protocol: udp, port: 5000}
  ping: {addresses: [192.0.2.5], protocol: icmp}
  ping6: {host: e.example, addresses: ["2001:db8::7"], protocol: icmp}
  stream: {host: c.example, addresses: [192.0.2.6], protocol: tcp, port: 5000}
  shared: {host: d.example, addresses: [192.0.2.6], protocol: tcp, port: 5000}
functions: {control: tls && tls6 && ntp && query && query_tcp && alive && echo && ping && ping6 && stream && shared}
`))
		h.works(ctx)
		for _, d := range h.world.Destinations {
			Expect(h.Attempts()).To(HaveKey(d.ID()))
		}
	}, SpecTimeout(time.Minute))

	It("contacts some of its destinations as soon as its link is up again", func(ctx SpecContext) {
		h := live(ctx, parsed(head+`tempo: {contact: 200ms}
destinations:
  update: {addresses: [192.0.2.1], protocol: udp, port: 5000, every: 1h, on_link: true}
  stats: {addresses: [192.0.2.2], protocol: udp, port: 5000, every: 1h}
functions: {control: update && stats}
`))
		h.works(ctx)
		before := h.Attempts()
		for count := 1; count <= 2; count++ {
			Expect(h.Gateway.Namespace.SetDown(h.Gateway.Inside)).To(Succeed())
			Consistently(h.Attempts).WithContext(ctx).WithTimeout(h.world.Tempo.Contact).Should(HaveKey("udp/5000/192.0.2.1"))
			Expect(h.Gateway.Namespace.SetUp(h.Gateway.Inside)).To(Succeed())
			Eventually(func() int { return h.Attempts()["udp/5000/192.0.2.1"] }).WithContext(ctx).Within(patiently).
				Should(Equal(before["udp/5000/192.0.2.1"] + count))
		}
		Expect(h.Attempts()["udp/5000/192.0.2.2"]).To(Equal(before["udp/5000/192.0.2.2"]))
	}, SpecTimeout(time.Minute))

	It("has functions that fail by themselves", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms}\nfunctions: {info: a, status: b, control: c}\n"))
		h.works(ctx)
		for id, methods := range map[string][]string{
			"a": {"miIO.info", "get_status", "find_me"},
			"b": {"get_consumable", "miIO.info", "app_charge"},
			"c": {"app_start", "miIO.info", "get_timer"},
		} {
			h.block(labtest.Refused, id)
			Eventually(h.asks(ctx, methods[0])).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
			Eventually(h.asks(ctx, methods[1])).WithContext(ctx).Within(patiently).Should(Succeed())
			Eventually(h.asks(ctx, methods[2])).WithContext(ctx).Within(patiently).Should(Succeed())
			h.unblock(id)
			h.works(ctx)
			Eventually(h.asks(ctx, methods[0])).WithContext(ctx).Within(patiently).Should(Succeed())
		}
	}, SpecTimeout(time.Minute))

	It("tries the next address of a name when one is out of reach", func(ctx SpecContext) {
		h := live(ctx, parsed(head+`tempo: {contact: 100ms}
destinations:
  two: {host: two.example, addresses: [192.0.2.1, "2001:db8::1"], protocol: tcp, port: 443}
  bare: {addresses: [192.0.2.3], protocol: udp, port: 123}
functions: {control: two}
`))
		h.works(ctx)
		for _, how := range []int{labtest.Refused, labtest.Blackhole} {
			first := h.addresses("two")[:1]
			before := h.Attempts()["tcp/443/two.example"]
			Expect(h.gateway.Block(how, first...)).To(Succeed())
			Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("tcp/443/two.example", BeNumerically(">=", before+2)))
			h.works(ctx)
			Expect(h.gateway.Unblock(first...)).To(Succeed())
			Expect(h.Restart(ctx)).To(Succeed())
			h.works(ctx)
		}
	}, SpecTimeout(time.Minute))

	It("follows a name whose address rotates", func(ctx SpecContext) {
		h := live(ctx, parsed(head+`tempo: {contact: 50ms}
destinations:
  spin: {host: spin.example, addresses: [192.0.2.1, 192.0.2.2, "192.0.2.3"], rotate: 200ms, ttl: 0s, protocol: tcp, port: 443}
functions: {control: spin}
`))
		h.works(ctx)
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("tcp/443/spin.example", BeNumerically(">=", 4)))
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("needs its own resolver for names, and not for bare addresses", func(ctx SpecContext) {
		h := live(ctx, parsed(strings.Replace(head, "a.b.c", "a.b.c, resolver: 8.8.8.8", 1)+`tempo: {contact: 50ms}
destinations:
  named: {host: named.example, addresses: [192.0.2.1], ttl: 0s, protocol: tcp, port: 443}
  bare: {addresses: [192.0.2.2], protocol: tcp, port: 8883}
functions: {status: bare, control: named}
`))
		h.works(ctx)
		Expect(h.Attempts()).To(And(HaveKey("udp/53/8.8.8.8"), Not(HaveKey("udp/53/resolver"))))
		Expect(h.gateway.Block(labtest.Refused, h.world.Device.Resolver)).To(Succeed())
		Eventually(h.asks(ctx, "find_me")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).Should(Succeed())
		Expect(h.gateway.Unblock(h.world.Device.Resolver)).To(Succeed())
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("believes no server whose certificate it cannot verify", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms}\nfunctions: {control: a}\n"))
		h.works(ctx)
		Expect(h.Distrust()).To(Succeed())
		begun := h.Attempts()["tcp/443/a.example"]
		Eventually(h.Attempts).Within(patiently).Should(HaveKeyWithValue("tcp/443/a.example", BeNumerically(">", begun+h.world.Tempo.Patience)))
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).Should(Succeed())
		Expect(h.asks(ctx, "find_me")()).NotTo(Succeed())
	}, SpecTimeout(time.Minute))

	It("remembers its start until the next one", func(ctx SpecContext) {
		h := live(ctx, library("boot-only"))
		h.works(ctx)
		servers := h.addresses("time_1", "time_2")
		Expect(h.gateway.Block(labtest.Refused, servers...)).To(Succeed())
		h.works(ctx)
		Expect(h.Restart(ctx)).To(Succeed())
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).Should(Succeed())
		Expect(h.asks(ctx, "find_me")()).NotTo(Succeed())
		Expect(h.gateway.Unblock(servers...)).To(Succeed())
		Expect(h.asks(ctx, "find_me")()).NotTo(Succeed(), "it does not ask again")
		Expect(h.Restart(ctx)).To(Succeed())
		h.works(ctx)
	}, SpecTimeout(time.Minute))

	It("contacts what only a call needs when it is called", func(ctx SpecContext) {
		h := live(ctx, parsed(small+`  d: {host: d.example, addresses: [192.0.2.4], protocol: tcp, port: 443, when: use:control}
tempo: {contact: 100ms}
functions: {control: d}
`))
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).Should(Succeed())
		Expect(h.Attempts()).NotTo(HaveKey("tcp/443/d.example"))
		Eventually(h.asks(ctx, "find_me")).WithContext(ctx).Within(patiently).Should(Succeed())
		Expect(h.Attempts()).To(HaveKey("tcp/443/d.example"))
		Expect(h.gateway.Block(labtest.Refused, h.addresses("d")...)).To(Succeed())
		Expect(h.asks(ctx, "find_me")()).NotTo(Succeed())
		Expect(h.asks(ctx, "get_status")()).To(Succeed())
	}, SpecTimeout(time.Minute))
})

// agrees blocks a random set, and compares what works with what the world says.
func (h *home) agrees(ctx context.Context, draw *rand.Rand, how int) {
	GinkgoHelper()
	var blocked, ids []string
	for _, id := range h.world.IDs() {
		if draw.IntN(3) == 0 {
			blocked, ids = append(blocked, id), append(ids, h.world.Destinations[id].ID())
		}
	}
	h.block(how, blocked...)
	for function, method := range map[string]string{lab.Status: "get_status", lab.Control: "find_me"} {
		expected, err := labtest.Works(h.world, function, labtest.Steady, ids...)
		Expect(err).NotTo(HaveOccurred())
		outcome := Eventually(h.asks(ctx, method)).WithContext(ctx).Within(patiently)
		if expected {
			outcome.Should(Succeed(), "%s with %v blocked", function, blocked)
		} else {
			outcome.ShouldNot(Succeed(), "%s with %v blocked", function, blocked)
		}
	}
	h.unblock(blocked...)
}

var _ = Describe("The device's miIO", Label("root"), func() {
	It("answers what a vacuum answers, in datagrams that old clients can read", func(ctx SpecContext) {
		h := live(ctx, library("s50-thread"))
		h.works(ctx)
		var info struct{ Model, Token, MAC string }
		Expect(json.Unmarshal(h.result(ctx, "miIO.info"), &info)).To(Succeed())
		Expect(info.Model).To(Equal("roborock.vacuum.s5"))
		Expect(info.MAC).To(Equal(h.Device.MAC.String()))
		for _, method := range []string{
			"get_status", "get_consumable", "get_clean_summary", "get_clean_record",
			"get_dnd_timer", "get_timer", "get_timezone", "get_custom_mode",
		} {
			var list []any
			Expect(json.Unmarshal(h.result(ctx, method), &list)).To(Succeed(), method)
			Expect(list).NotTo(BeEmpty(), method)
			Expect(len(h.result(ctx, method))).To(BeNumerically("<", 900), method)
		}
		for _, method := range []string{
			"app_start", "app_stop", "app_pause", "app_charge", "app_spot",
			"find_me", "app_zoned_clean", "app_goto_target",
		} {
			Expect(h.result(ctx, method)).To(MatchJSON(`["ok"]`), method)
		}
		Expect(h.asks(ctx, "set_custom_mode", 60)()).To(Succeed())
		Expect(h.result(ctx, "get_custom_mode")).To(MatchJSON(`[60]`))
	}, SpecTimeout(time.Minute))

	It("says which firmware its world names, and none if that names none", func(ctx SpecContext) {
		for name, firmware := range map[string]OmegaMatcher{
			"s50-thread": HaveKeyWithValue("fw_ver", "3.5.8_002034"), "fallback-of-required": Not(HaveKey("fw_ver")),
		} {
			h := live(ctx, library(name))
			h.works(ctx)
			var info map[string]any
			Expect(json.Unmarshal(h.result(ctx, "miIO.info"), &info)).To(Succeed())
			Expect(info).To(firmware, name)
		}
	}, SpecTimeout(time.Minute))

	It("refuses an unknown method, as it would with nothing reached", func(ctx SpecContext) {
		h := live(ctx, library("s50-thread"))
		Expect(h.asks(ctx, "make_coffee")()).To(MatchError(ContainSubstring("-10000")))
	}, SpecTimeout(time.Minute))

	It("says that it was not done, where that is the world's way to fail", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms}\nfailure: error\nfunctions: {control: a}\n"))
		h.works(ctx)
		h.block(labtest.Refused, "a")
		Eventually(h.asks(ctx, "find_me")).WithContext(ctx).Within(patiently).Should(MatchError(ContainSubstring("-9999")))
		Expect(h.asks(ctx, "get_status")()).To(Succeed())
	}, SpecTimeout(time.Minute))

	It("hears nothing but hello where the world's noise is total", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"noise: {deaf: 1}\n"))
		connection, err := h.App.Dial(ctx, "udp", h.app.Address.String())
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		Expect(connection.SetDeadline(time.Now().Add(patiently))).To(Succeed())
		_, err = connection.Write(miio.Hello().Bytes())
		Expect(err).NotTo(HaveOccurred())
		reply := make([]byte, 100)
		n, err := connection.Read(reply)
		Expect(err).NotTo(HaveOccurred())
		Expect(n).To(Equal(32))
		Expect(h.asks(ctx, "make_coffee")()).NotTo(MatchError(ContainSubstring("-10000")))
	}, SpecTimeout(time.Minute))

	It("drops what is sealed with another token", func(ctx SpecContext) {
		h := live(ctx, library("all-optional"))
		h.works(ctx)
		other, err := miio.ParseToken("ffffffffffffffffffffffffffffffff")
		Expect(err).NotTo(HaveOccurred())
		h.app = &miio.Client{Address: h.app.Address, Token: other, Attempts: 1, Timeout: h.app.Timeout, Dial: h.App.Dial}
		Expect(h.asks(ctx, "get_status")()).NotTo(Succeed())
	}, SpecTimeout(time.Minute))

	It("can be read by python-miio", Label("peer"), func(ctx SpecContext) {
		h := live(ctx, library("s50-thread"))
		h.works(ctx)
		const script = `
import sys
from miio import Vacuum
status = Vacuum(sys.argv[1], sys.argv[2]).status()
print(status.battery, status.state, status.fanspeed)
`
		command := h.App.Command(ctx, "/usr/bin/python3", "-c", script, h.Device.Address.String(), h.Device.Token)
		command.Env = []string{"HOME=" + GinkgoT().TempDir(), "PATH=/usr/bin:/bin"}
		output, err := command.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))
		Expect(string(output)).To(ContainSubstring("100 Charging 102"))
	}, SpecTimeout(time.Minute))
})
