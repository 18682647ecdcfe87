package main_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// secondMAC is that of a client which is not the device, on the same wire.
var secondMAC = net.HardwareAddr{2, 0, 0, 0, 0, 9}

// newHomeOfTwo is a home with the namespace of its device, and a second client on
// the same wire.
func newHomeOfTwo(ctx context.Context) (h *home, device, second *netns.Namespace) {
	GinkgoHelper()
	joined := make(chan *netns.Namespace, 10)
	h = newHomeOf(ctx, plugWorld, func(ctx context.Context, device *netns.Namespace, link string) {
		joined <- device
		join(ctx, device, link)
	})
	Eventually(joined).WithContext(ctx).Should(Receive(&device))
	return h, device, beside(ctx, device, "eth0")
}

// beside puts a second client on the wire of a device. Nothing of what it does
// costs the device its place: it has an interface and a MAC address to itself.
func beside(ctx context.Context, device *netns.Namespace, link string) *netns.Namespace {
	GinkgoHelper()
	second := netnstest.New()
	text, err := device.Command(ctx, "ip", "link", "add", "beside", "link", link, "address", secondMAC.String(), "type", "macvlan", "mode", "bridge").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", text)
	found, err := device.Netlink().LinkByName("beside")
	Expect(err).NotTo(HaveOccurred())
	Expect(device.Netlink().LinkSetNsFd(found, second.FD())).To(Succeed())
	Expect(second.SetUp("beside")).To(Succeed())
	Expect(second.AddAddress("beside", netip.MustParsePrefix("192.168.50.99/24"))).To(Succeed())
	Expect(second.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1"))).To(Succeed())
	return second
}

// offered asks for an address, with a MAC address in the message that need not be
// that of the link.
func offered(ctx context.Context, from *netns.Namespace, link string, claimed net.HardwareAddr) bool {
	GinkgoHelper()
	var client *nclient4.Client
	Expect(from.Do(func() (err error) {
		client, err = nclient4.New(link, nclient4.WithHWAddr(claimed), nclient4.WithRetry(1), nclient4.WithTimeout(time.Second))
		return err
	})).To(Succeed())
	defer client.Close()
	request, err := dhcpv4.NewDiscovery(claimed, dhcpv4.WithBroadcast(true))
	Expect(err).NotTo(HaveOccurred())
	_, err = client.SendAndRead(ctx, nclient4.DefaultServers, request, nil)
	return err == nil
}

// resolved asks a resolver for a name that everybody may know.
func resolved(ctx context.Context, from *netns.Namespace, network, server string) bool {
	ctx, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
	defer cancel()
	connection, err := from.Dial(ctx, network, server)
	if err != nil {
		return false
	}
	defer connection.Close()
	client := &dns.Client{Net: network}
	question := new(dns.Msg).SetQuestion("one.time.example.", dns.TypeA)
	_, _, err = client.ExchangeWithConnContext(ctx, question, &dns.Conn{Conn: connection})
	return err == nil
}

var _ = Describe("a client that is not the device", Label("root"), func() {
	DescribeTable("is answered by no server of needwant", func(ctx SpecContext, gateway string, prepare func(context.Context, *home), servers ...string) {
		h, device, second := newHomeOfTwo(ctx)
		prepare(ctx, h)
		command, said := h.start(ctx, "gateway", h.spec("placement: nic, inside: inside, uplink: uplink", gateway), "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")

		if !strings.Contains(gateway, "host") {
			Expect(offered(ctx, device, "eth0", h.Device.MAC)).To(BeTrue(), "this is how the device is answered")
			Expect(offered(ctx, second, "beside", secondMAC)).To(BeFalse(), "DHCP")
			Expect(offered(ctx, second, "beside", h.Device.MAC)).To(BeFalse(), "DHCP, by the device's name")
		}
		for _, network := range []string{"udp", "tcp"} {
			Expect(resolved(ctx, device, network, "192.168.50.1:53")).To(BeTrue(), "this is how the device is answered")
			for _, server := range servers {
				Expect(resolved(ctx, second, network, server)).To(BeFalse(), "%s of %s", network, server)
			}
		}
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
	},
		Entry("on an interface of its own", "placement: nic, inside: inside, uplink: uplink", func(context.Context, *home) {},
			"192.168.50.1:53", "192.168.1.2:53", "203.0.113.11:53", SpecTimeout(time.Minute)),
		Entry("in the home network", "placement: onearm, uplink: br0", func(ctx context.Context, h *home) {
			h.oneWire(ctx)
			h.serveDHCP(h.gatewayMAC(ctx, h.spec("placement: nic, inside: inside, uplink: uplink", "placement: onearm, uplink: br0"))) // the home router leaves the device to us
		},
			"192.168.50.1:53", "192.168.1.2:53", "203.0.113.11:53", SpecTimeout(time.Minute)),
		Entry("on the user's own router", "placement: host, inside: inside, uplink: uplink", func(ctx context.Context, h *home) {
			h.asRouter(ctx)
			h.in(ctx, "iptables -P INPUT ACCEPT") // as on a router that trusts its home
		}, "192.168.50.1:10053", "192.168.1.2:10053", SpecTimeout(time.Minute)),
	)

	It("does not get the device's place when it asks second and the spec does not say the device's MAC address", func(ctx SpecContext) {
		h, device, second := newHomeOfTwo(ctx)
		command, said := h.start(ctx, "gateway", h.spec(`mac: "7c:49:eb:00:00:01", `, ""), "--wait", "30s")
		said.until(ctx, `the device is 7c:49:eb:00:00:01: write device: {mac: "7c:49:eb:00:00:01"} in the spec`)
		said.until(ctx, "the device is behind the gateway")
		Expect(offered(ctx, second, "beside", secondMAC)).To(BeFalse())
		Expect(resolved(ctx, device, "udp", "192.168.50.1:53")).To(BeTrue())
		Expect(resolved(ctx, second, "udp", "192.168.50.1:53")).To(BeFalse())
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
	}, SpecTimeout(time.Minute))

	It("is not answered in the home network: a spec that does not say which client the device is is rejected", func(ctx SpecContext) {
		h := newHome(ctx)
		spec := h.spec("placement: nic, inside: inside, uplink: uplink", "placement: onearm, uplink: br0", `mac: "7c:49:eb:00:00:01", `, "")
		run := h.needwant(ctx, "gateway", spec)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(MatchRegexp(`:3:1: placement onearm needs the device's mac\n(.*\n)*.*write mac: "7c:49:eb:00:00:01": every other client`))
	}, SpecTimeout(time.Minute))
})
