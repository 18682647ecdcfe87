package main_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// A kernel logs the packets of a namespace only with a setting of the whole machine, which
// this spec may change in a guest alone.
var _ = Describe("what the kernel logs for a rule of iptables", Label("root", "guest", "kernellog"), func() {
	It("is imported, as dmesg prints it", func(ctx SpecContext) {
		const everyNamespace = "/proc/sys/net/netfilter/nf_log_all_netns"
		Expect(os.WriteFile(everyNamespace, []byte("1"), 0o600)).To(Succeed())
		DeferCleanup(os.WriteFile, everyNamespace, []byte("0"), os.FileMode(0o600))
		router, device := netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: router, Name: "lan"}, netns.End{Namespace: device, Name: "eth0"})).To(Succeed())
		netnstest.Shell(ctx, router, `
			ip addr add 192.168.50.1/24 dev lan; ip link set lan up
			ip link add wan type veth peer name far; ip addr add 203.0.113.1/24 dev wan; ip link set wan up; ip link set far up
			sysctl -qw net.ipv4.ip_forward=1
			iptables -I FORWARD -s 192.168.50.10 -m conntrack --ctstate NEW -j LOG --log-prefix 'new: '`)
		netnstest.Shell(ctx, device, `
			ip addr add 192.168.50.10/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.50.1`)
		clock, err := device.Dial(ctx, "udp", "203.0.113.5:123")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(clock.Close)

		log := filepath.Join(GinkgoT().TempDir(), "kern.log")
		Eventually(func(g Gomega) {
			_, err := clock.Write(make([]byte, 48))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(log, []byte(netnstest.Shell(ctx, router, "dmesg")), 0o600)).To(Succeed())
			list, err := seen.Import(ctx, []string{log}, seen.Options{Now: time.Now()})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list.Device.Addresses).To(Equal([]netip.Addr{netip.MustParseAddr("192.168.50.10")}))
			g.Expect(list.Device.MAC).NotTo(BeEmpty())
			g.Expect(list.Rows).To(HaveExactElements(HaveField("ID", "udp/123/203.0.113.5")))
			g.Expect(list.Sources[0].Formats).To(Equal([]string{"kernel"}))
		}).WithContext(ctx).WithTimeout(20 * time.Second).Should(Succeed())
	}, SpecTimeout(time.Minute))
})
