package dhcp_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
)

var _ = Describe("the server", Label("root"), func() {
	var device, gateway *netns.Namespace
	mac := net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, 1}
	stranger := net.HardwareAddr{0x02, 0, 0, 0, 0, 9}
	lease := dhcp.Lease{
		Address:  netip.MustParsePrefix("192.168.50.10/24"),
		Router:   netip.MustParseAddr("192.168.50.1"),
		Resolver: netip.MustParseAddr("192.168.50.1"),
		Time:     5 * time.Minute,
	}

	BeforeEach(func() {
		device, gateway = created(), created()
		Expect(netns.Veth(netns.End{Namespace: device, Name: "eth0", MAC: mac}, netns.End{Namespace: gateway, Name: "inside"})).To(Succeed())
		Expect(gateway.AddAddress("inside", netip.MustParsePrefix("192.168.50.1/24"))).To(Succeed())
	})

	serve := func(client net.HardwareAddr) <-chan dhcp.Event {
		GinkgoHelper()
		events := make(chan dhcp.Event, 100)
		server, err := dhcp.Serve(gateway, "inside", client, lease, func(e dhcp.Event) { events <- e })
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		return events
	}

	It("gives the device its address, and itself as router and resolver", func(ctx SpecContext) {
		events := serve(mac)
		client, err := dhcp.Ask(ctx, device, "eth0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(client.Lease).To(Equal(lease))
		Expect(events).To(Receive(Equal(dhcp.Event{MAC: mac, Granted: true})))
	}, SpecTimeout(20*time.Second))

	It("gives the first that asks the address, where the device is not known", func(ctx SpecContext) {
		serve(nil)
		client, err := dhcp.Ask(ctx, device, "eth0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(client.Lease).To(Equal(lease))
	}, SpecTimeout(20*time.Second))

	It("gives nobody else an address", func(ctx SpecContext) {
		Expect(device.SetMAC("eth0", stranger)).To(Succeed())
		events := serve(mac)
		asking, give := context.WithCancel(ctx)
		defer give()
		refused := make(chan error, 1)
		go func() {
			client, err := dhcp.Ask(asking, device, "eth0")
			if err == nil {
				err = client.Close()
			}
			refused <- err
		}()
		Eventually(events).WithContext(ctx).Should(Receive(Equal(dhcp.Event{MAC: stranger})))
		give()
		Eventually(refused).WithContext(ctx).Should(Receive(MatchError(ContainSubstring("nobody gave eth0 an address"))))
	}, SpecTimeout(20*time.Second))

	It("refuses an address of before", func(ctx SpecContext) {
		serve(mac)
		raw := rawClient(device)
		request, err := dhcpv4.New(
			dhcpv4.WithHwAddr(mac),
			dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(192, 168, 1, 77))),
		)
		Expect(err).NotTo(HaveOccurred())
		answer, err := raw.SendAndRead(ctx, nclient4.DefaultServers, request, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.MessageType()).To(Equal(dhcpv4.MessageTypeNak))
	}, SpecTimeout(20*time.Second))

	It("leaves the offers of other servers to them", func(ctx SpecContext) {
		events := serve(mac)
		raw := rawClient(device)
		request, err := dhcpv4.New(
			dhcpv4.WithHwAddr(mac),
			dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 168, 50, 99))),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(192, 168, 50, 10))),
		)
		Expect(err).NotTo(HaveOccurred())
		waiting, give := context.WithTimeout(ctx, 300*time.Millisecond)
		defer give()
		_, err = raw.SendAndRead(waiting, nclient4.DefaultServers, request, nil)
		Expect(err).To(HaveOccurred())
		Expect(events).NotTo(Receive())
	}, SpecTimeout(20*time.Second))
})

func rawClient(device *netns.Namespace) *nclient4.Client {
	GinkgoHelper()
	var client *nclient4.Client
	Expect(device.Do(func() (err error) {
		client, err = nclient4.New("eth0", nclient4.WithRetry(1), nclient4.WithTimeout(5*time.Second))
		return err
	})).To(Succeed())
	DeferCleanup(client.Close)
	return client
}

func created() *netns.Namespace {
	GinkgoHelper()
	namespace, err := netns.New()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(namespace.Close)
	return namespace
}
