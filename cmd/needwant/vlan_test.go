package main_test

import (
	"context"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// onTrunk leaves the machine one link, to a switch: with VLAN 50 for the device,
// and everybody else without a tag.
func (h *home) onTrunk(ctx context.Context) {
	GinkgoHelper()
	ports := netnstest.New()
	for _, name := range []string{"inside", "uplink"} {
		link, err := h.machine.Netlink().LinkByName(name)
		Expect(err).NotTo(HaveOccurred())
		Expect(h.machine.Netlink().LinkSetNsFd(link, ports.FD())).To(Succeed())
	}
	Expect(netns.Veth(netns.End{Namespace: h.machine, Name: "eth0"}, netns.End{Namespace: ports, Name: "trunk"})).To(Succeed())
	netnstest.Shell(ctx, ports, `
		ip link add link trunk name trunk.50 type vlan id 50
		ip link add things type bridge; ip link set inside master things; ip link set trunk.50 master things
		ip link add home type bridge; ip link set uplink master home; ip link set trunk master home
		for link in inside uplink trunk trunk.50 things home; do ip link set $link up; done`)
	h.in(ctx, "ip addr add 192.168.1.3/24 brd + dev eth0; ip route add default via 192.168.1.1")
}

// slowPlug is the world of a device that has time, as all has in a guest. A guest whose
// host is busy may stand still for two seconds at a stretch.
func slowPlug() string {
	return regexp.MustCompile(`(?m)^tempo: .*$`).ReplaceAllString(plugWorld, "tempo: {contact: 600ms, patience: 3, poll: 1s}")
}

// guestSpec is a spec for it.
func (h *home) guestSpec(gateway string) string {
	GinkgoHelper()
	return h.spec("placement: nic, inside: inside, uplink: uplink", gateway,
		regexp.MustCompile(`(?m)^timing: .*$`).FindString(plugSpec), "timing: {settle: 6s, recover: 60s, observe: 6s}",
		"timeout: 400ms", "timeout: 4s", "interval: 220ms, poll_timeout: 1s", "interval: 1s, poll_timeout: 5s")
}

// trunk is the gateway of a device in VLAN 50 of the one link.
const trunk = "placement: vlan, inside: eth0, uplink: eth0, vlan: 50"

// A kernel without 802.1Q cannot run these: see package guest.
var _ = Describe("a device in a VLAN of the machine's one link", Label("root", "guest", "vlan"), func() {
	It("is bisected to its true matrix, and the machine is as it was", func(ctx SpecContext) {
		h := newHomeOf(ctx, slowPlug(), join)
		h.onTrunk(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.guestSpec(trunk), "--allow-actuation", "--order", "exact", "--wait", "60s")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
		h.expectTruth("plug.run")
	}, SpecTimeout(45*time.Minute))

	It("leaves the machine as it was when needwant is killed, and when the VLAN is taken", func(ctx SpecContext) {
		h := newHomeOf(ctx, slowPlug(), join)
		h.onTrunk(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.guestSpec(trunk), "--wait", "60s")
		said.until(ctx, "the device is behind the gateway")
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		h.expectAsBefore(ctx, before)
		h.expectClean()

		h.in(ctx, "ip link add link eth0 name mine type vlan id 50")
		before = h.settled(ctx)
		taken := h.needwant(ctx, "gateway", h.guestSpec(trunk), "--wait", "60s")
		Expect(taken.Code).To(Equal(3))
		Expect(strings.Join(strings.Fields(taken.Stderr), " ")).To(ContainSubstring("is this machine's own link mine: remove it"))
		h.expectAsBefore(ctx, before)
	}, SpecTimeout(30*time.Minute))
})
