package nearby

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// ptr is an answer with records in the form of zone files.
func ptr(records ...string) string {
	answer := new(dns.Msg)
	answer.Response = true
	for _, text := range records {
		record, err := dns.NewRR(text)
		Expect(err).NotTo(HaveOccurred())
		answer.Answer = append(answer.Answer, record)
	}
	packed, err := answer.Pack()
	Expect(err).NotTo(HaveOccurred())
	return string(packed)
}

var _ = Describe("an answer", func() {
	DescribeTable("says what the device is called", func(answer func() string, called string) {
		Expect(named([]byte(answer())).text).To(Equal(called))
	},
		Entry("by its service", func() string { return ptr(`_esphomelib._tcp.local. 120 PTR kitchen-light._esphomelib._tcp.local.`) }, "kitchen-light"),
		Entry("with blanks", func() string { return ptr(`_hap._tcp.local. 120 PTR Living\032Room\032\(TV\)._hap._tcp.local.`) }, "Living Room (TV)"),
		Entry("by what its owner calls it, rather", func() string {
			return ptr(`_googlecast._tcp.local. 120 PTR Chromecast-0123456789abcdef._googlecast._tcp.local.`, `x.local. 120 TXT "id=1" "fn=Bedroom"`)
		}, "Bedroom"),
		Entry("by its host name", func() string { return ptr(`shellyplug-s-aabbcc.local. 120 A 192.168.1.33`) }, "shellyplug-s-aabbcc"),
		Entry("not by the name of a service", func() string { return ptr(`_services._dns-sd._udp.local. 120 PTR _http._tcp.local.`) }, ""),
		Entry("by its server, over SSDP", func() string {
			return "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nSERVER: Hue/1.0 UPnP/1.0 IpBridge/1.63.0\r\n\r\n"
		}, "IpBridge/1.63.0"),
		Entry("and not by what is broken", func() string { return "HTTP/1.1" }, ""),
		Entry("nor by nothing", func() string { return "" }, ""),
		Entry("nor longer than a name is", func() string {
			return "HTTP/1.1 200 OK\r\nSERVER: " + strings.Repeat("ä", 4000) + "\r\n\r\n"
		}, strings.Repeat("ä", longestName)),
	)

	It("of a flood makes no more devices than there may be", func() {
		found := &finding{names: map[netip.Addr]name{}}
		for i := range 256 {
			found.note(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), name{"x", asHost})
		}
		Expect(found.devices()).To(HaveLen(mostDevices))
	})
})

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nSERVER: x\r\n\r\n"))
	f.Add(mdnsQuery)
	f.Add([]byte("\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x0c\x00\x01\x00\x00\x00\x78\x00\x04\x01b\xc0\x0c"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if n := named(answer); len([]rune(n.text)) > longestName || (n.text == "") != (n.rank == asNothing) {
			t.Errorf("%q of rank %d", n.text, n.rank)
		}
	})
}

var _ = Describe("the leases of dnsmasq", func() {
	It("are devices with names", func() {
		Expect(readLeases(strings.NewReader("1732700000 7c:49:eb:00:00:02 192.168.1.33 roborock-s5 01:7c\nhalf a line\n" +
			"0 02:00:00:00:00:aa 192.168.1.5 * *\nduid 00:01\n1 x fe80::1 n *\n"))).To(Equal([]Lease{
			{net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, 2}, netip.MustParseAddr("192.168.1.33"), "roborock-s5"},
			{net.HardwareAddr{2, 0, 0, 0, 0, 0xaa}, netip.MustParseAddr("192.168.1.5"), ""},
		}))
	})
})

var _ = Describe("the files of leases", func() {
	It("are regular files: a pipe is not waited for, and a link is not followed", func() {
		folder := GinkgoT().TempDir()
		file, pipe, link := filepath.Join(folder, "file"), filepath.Join(folder, "pipe"), filepath.Join(folder, "link")
		Expect(os.WriteFile(file, []byte("1 02:00:00:00:00:01 192.168.1.5 lamp *\n"), 0o600)).To(Succeed())
		Expect(syscall.Mkfifo(pipe, 0o600)).To(Succeed())
		Expect(os.Symlink(file, link)).To(Succeed())
		found := make(chan []Lease, 1)
		go func() { found <- leasesIn([]string{pipe, link, folder, filepath.Join(folder, "none"), file}) }()
		Eventually(found).Should(Receive(HaveExactElements(HaveField("Name", "lamp"))))
	})
})

var _ = DescribeTable("a maker", func(mac, maker string) {
	address, err := net.ParseMAC(mac)
	Expect(err).NotTo(HaveOccurred())
	Expect(Vendor(address)).To(Equal(maker))
},
	Entry("of a vacuum", "7c:49:eb:00:00:02", "Xiaomi"),
	Entry("of a bridge", "00:17:88:00:00:02", "Hue"),
	Entry("is not known of an address that a device made up", "02:00:00:00:00:01", ""),
)

// answering is a device that answers whatever arrives at a port for a group.
func answering(home *netns.Namespace, group netip.AddrPort, answer string) {
	GinkgoHelper()
	var conn *net.UDPConn
	Expect(home.Do(func() (err error) {
		link, err := net.InterfaceByName("plug")
		if err == nil {
			conn, err = net.ListenMulticastUDP("udp4", link, net.UDPAddrFromAddrPort(group))
		}
		return err
	})).To(Succeed())
	DeferCleanup(conn.Close)
	go func() {
		packet := make([]byte, longestAnswer)
		for {
			size, from, err := conn.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			if size > 0 {
				_, _ = conn.WriteToUDPAddrPort([]byte(answer), from)
			}
		}
	}()
}

var _ = Describe("a home network", Label("root"), func() {
	It("has the devices that answer, and this machine learns their MAC addresses", func(ctx SpecContext) {
		machine, device := netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: machine, Name: "eth0"}, netns.End{Namespace: device, Name: "plug"})).To(Succeed())
		netnstest.Shell(ctx, machine, "ip addr add 192.168.1.9/24 dev eth0; ip link set eth0 up")
		netnstest.Shell(ctx, device, "ip addr add 192.168.1.33/24 dev plug; ip addr add 192.168.7.1/24 dev plug; ip link set plug up; ip route add default dev plug")
		answering(device, ssdpGroup, "HTTP/1.1 200 OK\r\nSERVER: Linux UPnP/1.0 Plug/1.0\r\n\r\n")
		answering(device, mdnsGroup, ptr(`_hap._tcp.local. 120 PTR Plug._hap._tcp.local.`))
		found := &finding{names: map[netip.Addr]name{}}
		bounded, stop := context.WithCancel(ctx)
		DeferCleanup(stop)
		ended := make(chan error, 1)
		go func() { ended <- machine.Do(func() error { return found.search(bounded) }) }()
		Eventually(found.devices).Should(Equal([]Device{{netip.MustParseAddr("192.168.1.33"), "Plug"}}))
		Eventually(func() string { return netnstest.Shell(ctx, machine, "ip neigh") }).Should(ContainSubstring("192.168.1.33 dev eth0 lladdr "))
		stop()
		Eventually(ended).Should(Receive(Succeed()))
	}, SpecTimeout(20*time.Second))
})
