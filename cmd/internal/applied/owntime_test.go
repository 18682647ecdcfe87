package applied_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/beevik/ntp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/standin"
	"github.com/needwant/needwant/netns/gateway/watch"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("an export with one's own time server, applied to a gateway", Label("root", "peer"), func() {
	DescribeTable("leads the device there, which works without any other", func(ctx SpecContext, format string, ipv6 bool, load ...string) {
		tools("nft", load[0])
		world, err := lab.Find("own-time")
		Expect(err).NotTo(HaveOccurred())
		if ipv6 {
			world, err = labtest.OverIPv6(world)
			Expect(err).NotTo(HaveOccurred())
		}
		s := live(ctx, world)
		m := replaceable(world)
		servers, err := standin.Open(ctx, standin.Config{Namespace: s.ns, Link: s.lane.Lab.Gateway.Inside, Versions: []string{"4", "6"}}, []harness.StandIn{harness.TimeServer})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { _ = servers.Close() })                                                // it may be closed already
		own := []netip.Addr{netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("fd00:50::1")} // of the gateway
		for _, address := range own {
			servers.Take(watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(address, 123)})
		}
		for _, kind := range policy.Kinds() {
			p, err := policy.New(m, policy.Options{Kind: kind, Device: s.device(), TimeServers: own})
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Served).To(HaveLen(2))
			for _, program := range load {
				s.run(ctx, written(format, p), program, map[bool]string{true: "-f-", false: "--noflush"}[program == "nft"])
			}
			p.Blocked = slices.Concat(p.Blocked, p.Served) // none of them is reached any more
			s.expectHeld(ctx, p)
		}
		used := netip.AddrPortFrom(own[map[bool]int{false: 0, true: 1}[ipv6]], 123)
		Expect(servers.Answered()[watch.Place{Protocol: "udp", AddrPort: used}]).To(BeNumerically(">", 0))
		Expect(servers.Close()).To(Succeed())
		Eventually(ctx, s.broken).WithContext(ctx).ShouldNot(BeEmpty(), "it works by the answers of that server")
	},
		Entry("as nft", "nft", false, "nft", SpecTimeout(2*time.Minute)),
		Entry("as iptables, over IPv6", "iptables", true, "iptables-restore", "ip6tables-restore", SpecTimeout(2*time.Minute)),
	)

	DescribeTable("is all that a device needs whose home has no internet", func(ctx SpecContext, world, format string, kind policy.Kind, needs ...string) {
		tools(append(needs, "nft")...)
		parsed, err := lab.Parse("clock.yaml", []byte(world))
		Expect(err).NotTo(HaveOccurred())
		s := live(ctx, parsed)
		servers, err := standin.Open(ctx, standin.Config{Namespace: s.ns, Link: s.lane.Lab.Gateway.Inside, Versions: []string{"4"}}, []harness.StandIn{harness.TimeServer})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { _ = servers.Close() }) // it may be closed already
		own := s.lane.Lab.Gateway.Router
		place := watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(own, 123)}
		servers.Take(place)
		s.cutInternet(ctx)
		Eventually(ctx, s.broken).WithContext(ctx).ShouldNot(BeEmpty(), "its own time server is out of reach")

		p, err := policy.New(replaceable(parsed), policy.Options{Kind: kind, Device: s.device(), TimeServers: []netip.Addr{own}})
		Expect(err).NotTo(HaveOccurred())
		s.apply(ctx, format, written(format, p))
		Eventually(ctx, s.broken).WithContext(ctx).Should(BeEmpty())
		Expect(servers.Answered()[place]).To(BeNumerically(">", 0))
		Expect(servers.Close()).To(Succeed())
		Eventually(ctx, s.broken).WithContext(ctx).ShouldNot(BeEmpty(), "it works by the answers of that server")
	},
		Entry("as nft, if it knows an address", knowsAddress, "nft", policy.AllowRequired, SpecTimeout(time.Minute)),
		Entry("as iptables, if it knows an address", knowsAddress, "iptables", policy.BlockOptional, "iptables-restore", SpecTimeout(time.Minute)),
		Entry("as dnsmasq, if it queries a name", queriesName, "dnsmasq", policy.BlockOptional, "dnsmasq", SpecTimeout(time.Minute)),
		Entry("as dnsmasq that blocks all other names, if it queries a name", queriesName, "dnsmasq", policy.AllowRequired, "dnsmasq", SpecTimeout(time.Minute)),
		Entry("as dnsmasq that offers it by DHCP, if it asks for that", asksDHCP, "dhcp", policy.BlockOptional, "dnsmasq", SpecTimeout(time.Minute)),
	)

	// Without help, such a server answers the device directly, from its own address.
	DescribeTable("brings its answers back if it is in the device's own network", func(ctx SpecContext, format string, load ...string) {
		tools("nft", load[0])
		device, router, server := oneNetwork()
		servers, err := standin.Open(ctx, standin.Config{Namespace: server, Link: "s0", Versions: []string{"4"}}, []harness.StandIn{harness.TimeServer})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(servers.Close)
		own := ownServer
		servers.Take(watch.Place{Protocol: "udp", AddrPort: netip.AddrPortFrom(own, 123)})

		world, err := lab.Find("own-time")
		Expect(err).NotTo(HaveOccurred())
		for _, kind := range policy.Kinds() {
			p, err := policy.New(replaceable(world), policy.Options{Kind: kind, Device: policy.Device{MAC: deviceMAC}, TimeServers: []netip.Addr{own}})
			Expect(err).NotTo(HaveOccurred())
			loadInto(ctx, router, written(format, p), load...)
			_, err = ntp.QueryWithOptions("203.0.113.160", ntp.QueryOptions{Timeout: 5 * time.Second, Dialer: func(_, remote string) (net.Conn, error) {
				return device.Dial(ctx, "udp", remote)
			}})
			Expect(err).NotTo(HaveOccurred(), string(kind))
		}
	},
		Entry("as nft", "nft", "nft", SpecTimeout(time.Minute)),
		Entry("as iptables", "iptables", "iptables-restore", "ip6tables-restore", SpecTimeout(time.Minute)),
	)
})

// The device's MAC address and the owner's server in a network of three hosts.
var (
	deviceMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	ownServer = netip.MustParseAddr("192.168.50.20")
)

// oneNetwork makes a device, its router and a server in the same network, without internet.
func oneNetwork() (device, router, server *netns.Namespace) {
	GinkgoHelper()
	device, router, server = netnstest.New(), netnstest.New(), netnstest.New()
	Expect(netns.Veth(netns.End{Namespace: device, Name: "d0", MAC: deviceMAC}, netns.End{Namespace: router, Name: "p1"})).To(Succeed())
	Expect(netns.Veth(netns.End{Namespace: server, Name: "s0"}, netns.End{Namespace: router, Name: "p2"})).To(Succeed())
	Expect(router.AddBridge("br0", "p1", "p2")).To(Succeed())
	for address, at := range map[string]*netns.Namespace{"192.168.50.10/24": device, "192.168.50.1/24": router, ownServer.String() + "/24": server} {
		Expect(at.AddAddress(map[*netns.Namespace]string{device: "d0", router: "br0", server: "s0"}[at], netip.MustParsePrefix(address))).To(Succeed())
	}
	for _, at := range []*netns.Namespace{device, server} {
		Expect(at.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1"))).To(Succeed())
	}
	Expect(router.Sysctl("net.ipv4.ip_forward", "1")).To(Succeed())
	return device, router, server
}

// loadInto feeds an export to the programs that load it.
func loadInto(ctx context.Context, router *netns.Namespace, text string, programs ...string) {
	GinkgoHelper()
	for _, program := range programs {
		command := router.Command(ctx, program, map[bool]string{true: "-f-", false: "--noflush"}[program == "nft"])
		command.Stdin = strings.NewReader(text)
		output, err := command.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "%s", output)
	}
}

// Worlds of devices that need nothing but the time.
const (
	knowsAddress = clock + "device: {model: example.clock.v1}\ndestinations: {time: {addresses: [203.0.113.190], protocol: udp, port: 123}}\n"
	queriesName  = clock + "device: {model: example.clock.v1}\n" + namedTime
	asksDHCP     = clock + "device: {model: example.clock.v1, time_by_dhcp: true}\n" + namedTime

	clock     = "apiVersion: needwant/v1\nkind: World\nname: clock\ntempo: {contact: 100ms, patience: 3, poll: 200ms}\nfunctions: {status: time, control: time}\nscenarios: [native_app]\n"
	namedTime = "destinations: {time: {host: time.clock.example, addresses: [203.0.113.190], protocol: udp, port: 123}}\n"
)

// replaceable is the truth about a world whose device is content with any time server.
func replaceable(world lab.World) reports.Matrix {
	m := truth(world)
	for _, row := range m.Rows {
		for column, cell := range row.Cells {
			if harness.TimeServer.AnswersFor(row.Destination.ID) {
				cell.Replaceable, cell.Ways = []harness.StandIn{harness.TimeServer}, harness.Ways()
				row.Cells[column] = cell
			}
		}
	}
	return m
}
