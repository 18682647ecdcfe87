package dhcp_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/netnstest"
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
		device, gateway = netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: device, Name: "eth0", MAC: mac}, netns.End{Namespace: gateway, Name: "inside"})).To(Succeed())
		Expect(gateway.AddAddress("inside", netip.MustParsePrefix("192.168.50.1/24"))).To(Succeed())
	})

	serve := func(client net.HardwareAddr) (*dhcp.Server, <-chan net.HardwareAddr) {
		GinkgoHelper()
		granted := make(chan net.HardwareAddr, 100)
		server, err := dhcp.Serve(gateway, "inside", client, lease, func(mac net.HardwareAddr) { granted <- mac })
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		return server, granted
	}

	It("gives the device its address, and itself as router and resolver", func(ctx SpecContext) {
		_, granted := serve(mac)
		client, err := dhcp.Ask(ctx, device, "eth0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(client.Lease).To(Equal(lease))
		Expect(granted).To(Receive(Equal(mac)))
	}, SpecTimeout(20*time.Second))

	It("gives the address to the first client that asks if the device is not known, and to no other from then on", func(ctx SpecContext) {
		server, _ := serve(nil)
		Expect(server.Client()).To(BeNil())
		client, err := dhcp.Ask(ctx, device, "eth0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		Expect(client.Lease).To(Equal(lease))
		Expect(server.Client()).To(Equal(mac))
		Expect(device.SetMAC("eth0", stranger)).To(Succeed())
		for _, claimed := range []net.HardwareAddr{stranger, mac} {
			Expect(discover(ctx, device, claimed)).To(BeNil(), claimed.String())
		}
	}, SpecTimeout(20*time.Second))

	It("answers no other client, not even one that gives the device's address for its own", func(ctx SpecContext) {
		_, granted := serve(mac)
		Expect(discover(ctx, device, mac)).NotTo(BeNil())
		Expect(device.SetMAC("eth0", stranger)).To(Succeed())
		for _, claimed := range []net.HardwareAddr{stranger, mac} {
			Expect(discover(ctx, device, claimed)).To(BeNil(), claimed.String())
		}
		Expect(granted).NotTo(Receive())
	}, SpecTimeout(20*time.Second))

	It("names a time server to a client that asks for one, as long as it is told to", func(ctx SpecContext) {
		server, _ := serve(mac)
		raw := rawClient(device)
		ask := func(options ...dhcpv4.OptionCode) []net.IP {
			GinkgoHelper()
			request, err := dhcpv4.New(
				dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithRequestedOptions(options...),
				dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(lease.Address.Addr().AsSlice())))
			Expect(err).NotTo(HaveOccurred())
			answer, err := raw.SendAndRead(ctx, nclient4.DefaultServers, request, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.MessageType()).To(Equal(dhcpv4.MessageTypeAck))
			return answer.NTPServers()
		}
		renewed := func() <-chan error {
			done := make(chan error, 1)
			go func() { done <- server.Renewed(ctx) }()
			return done
		}
		Expect(ask(dhcpv4.OptionNTPServers)).To(BeEmpty())
		Expect(server.AsksTime()).To(BeTrue())
		server.OfferTime(lease.Router)
		waiting := renewed()
		Expect(ask(dhcpv4.OptionRouter)).To(BeEmpty(), "it does not ask for one")
		Expect(waiting).NotTo(Receive())
		Expect(server.ToldTime()).To(BeFalse())
		Expect(ask(dhcpv4.OptionNTPServers)).To(HaveExactElements(Satisfy(func(ip net.IP) bool { return ip.Equal(lease.Router.AsSlice()) })))
		Eventually(waiting).WithContext(ctx).Should(Receive(BeNil()))
		Expect(server.ToldTime()).To(BeTrue())

		server.OfferTime()
		Expect(server.ToldTime()).To(BeFalse())
		waiting = renewed()
		Expect(ask(dhcpv4.OptionNTPServers)).To(BeEmpty())
		Eventually(waiting).WithContext(ctx).Should(Receive(BeNil()))
		Expect(server.Renewal()).To(BeNumerically("~", lease.Time/2, lease.Time/4))
		over, give := context.WithCancel(ctx)
		give()
		server.OfferTime(lease.Router)
		Expect(server.Renewed(over)).To(MatchError(context.Canceled))
	}, SpecTimeout(20*time.Second))

	Describe("a new lease", func() {
		request := func(kind dhcpv4.MessageType, with ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
			GinkgoHelper()
			message, err := dhcpv4.New(append(with, dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind))...)
			Expect(err).NotTo(HaveOccurred())
			return message
		}
		own := lease.Address.Addr().AsSlice()
		wanted := dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(own))

		It("is asked for once the renewal of the old one was rejected", func(ctx SpecContext) {
			server, _ := serve(mac)
			raw := rawClient(device)
			ask := func(message *dhcpv4.DHCPv4) dhcpv4.MessageType {
				GinkgoHelper()
				answer, err := raw.SendAndRead(ctx, nclient4.DefaultServers, message, nil)
				Expect(err).NotTo(HaveOccurred())
				return answer.MessageType()
			}
			Expect(ask(request(dhcpv4.MessageTypeRequest, wanted))).To(Equal(dhcpv4.MessageTypeAck))
			began, done := time.Now(), make(chan time.Time)
			go func() {
				defer GinkgoRecover()
				at, err := server.NewLease(ctx)
				Expect(err).NotTo(HaveOccurred())
				done <- at
			}()
			renewal := func() *dhcpv4.DHCPv4 { return request(dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(own)) }
			Eventually(func() dhcpv4.MessageType { return ask(renewal()) }).WithContext(ctx).Should(Equal(dhcpv4.MessageTypeNak))
			Expect(ask(renewal())).To(Equal(dhcpv4.MessageTypeNak), "until it asks for a new one")
			Expect(ask(request(dhcpv4.MessageTypeDiscover))).To(Equal(dhcpv4.MessageTypeOffer))
			Expect(done).NotTo(Receive())
			Expect(ask(request(dhcpv4.MessageTypeRequest, wanted))).To(Equal(dhcpv4.MessageTypeAck))
			Eventually(done).WithContext(ctx).Should(Receive(And(BeTemporally(">", began), BeTemporally("<", time.Now()))))
			Expect(ask(renewal())).To(Equal(dhcpv4.MessageTypeAck))
		}, SpecTimeout(20*time.Second))

		It("is not waited for if the client has no lease, or until it ends", func(ctx SpecContext) {
			server, _ := serve(mac)
			Expect(server.NewLease(ctx)).To(BeZero())
			_, err := rawClient(device).SendAndRead(ctx, nclient4.DefaultServers, request(dhcpv4.MessageTypeRequest, wanted), nil)
			Expect(err).NotTo(HaveOccurred())
			over, give := context.WithCancel(ctx)
			give()
			_, err = server.NewLease(over)
			Expect(err).To(MatchError(context.Canceled))
		}, SpecTimeout(20*time.Second))

		It("is what udhcpc gets", Label("peer"), func(ctx SpecContext) {
			busybox, err := exec.LookPath("busybox")
			if err != nil {
				Skip("there is no busybox here")
			}
			server, granted := serve(mac)
			folder := GinkgoT().TempDir()
			hook, events := filepath.Join(folder, "hook"), filepath.Join(folder, "events")
			Expect(os.WriteFile(hook, []byte("#!/bin/sh\necho $1 >>"+events+"\n"), 0o755)).To(Succeed())
			seen := func() []string { text, _ := os.ReadFile(events); return strings.Fields(string(text)) }
			client := device.Command(ctx, busybox, "udhcpc", "-f", "-i", "eth0", "-s", hook)
			Expect(client.Start()).To(Succeed())
			DeferCleanup(func() { _, _ = client.Process.Kill(), client.Wait() })
			Eventually(granted).WithContext(ctx).Should(Receive())
			Eventually(seen).WithContext(ctx).Should(Equal([]string{"deconfig", "bound"}))
			Expect(device.AddAddress("eth0", lease.Address)).To(Succeed())
			done := make(chan time.Time)
			go func() {
				defer GinkgoRecover()
				began, err := server.NewLease(ctx)
				Expect(err).NotTo(HaveOccurred())
				done <- began
			}()
			Eventually(func() []string {
				Expect(client.Process.Signal(syscall.SIGUSR1)).To(Succeed(), "which makes it renew")
				return seen()
			}).WithContext(ctx).WithPolling(time.Second / 4).Should(ContainElement("nak"))
			Eventually(done).WithContext(ctx).Should(Receive(Not(BeZero())))
			Eventually(func() string { return strings.Join(seen(), " ") }).WithContext(ctx).Should(HaveSuffix("nak deconfig bound"))
		}, SpecTimeout(30*time.Second))
	})

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
		_, granted := serve(mac)
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
		Expect(granted).NotTo(Receive())
	}, SpecTimeout(20*time.Second))
})

// discover asks for an offer, with a MAC address in the message that need not be
// the interface's; nil if there is none within a moment.
func discover(ctx context.Context, device *netns.Namespace, claimed net.HardwareAddr) *dhcpv4.DHCPv4 {
	GinkgoHelper()
	request, err := dhcpv4.NewDiscovery(claimed, dhcpv4.WithBroadcast(true))
	Expect(err).NotTo(HaveOccurred())
	waiting, give := context.WithTimeout(ctx, time.Second)
	defer give()
	answer, err := rawClient(device, nclient4.WithHWAddr(claimed)).SendAndRead(waiting, nclient4.DefaultServers, request, nil)
	if waiting.Err() == nil {
		Expect(err).NotTo(HaveOccurred())
	}
	return answer
}

func rawClient(device *netns.Namespace, options ...nclient4.ClientOpt) *nclient4.Client {
	GinkgoHelper()
	var client *nclient4.Client
	Expect(device.Do(func() (err error) {
		client, err = nclient4.New("eth0", append(options, nclient4.WithRetry(1), nclient4.WithTimeout(5*time.Second))...)
		return err
	})).To(Succeed())
	DeferCleanup(client.Close)
	return client
}
