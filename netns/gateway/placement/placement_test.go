package placement_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/netns/netnstest"
)

var mac = net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, 1}

// street is a machine between a device and a router, whose addresses are all
// known.
type street struct {
	device, machine, router *netns.Namespace
	config                  placement.Config
}

func newStreet() *street {
	GinkgoHelper()
	s := &street{device: netnstest.New(), machine: netnstest.New(), router: netnstest.New()}
	Expect(netns.Veth(netns.End{Namespace: s.device, Name: "eth0", MAC: mac}, netns.End{Namespace: s.machine, Name: "eth1"})).To(Succeed())
	Expect(netns.Veth(netns.End{Namespace: s.router, Name: "lan"}, netns.End{Namespace: s.machine, Name: "eth0"})).To(Succeed())
	for _, a := range []struct {
		at            *netns.Namespace
		link, address string
	}{
		{s.device, "eth0", "192.168.50.10/24"}, {s.machine, "eth0", "192.168.1.3/24"}, {s.router, "lan", "192.168.1.1/24"},
	} {
		Expect(a.at.AddAddress(a.link, netip.MustParsePrefix(a.address))).To(Succeed())
	}
	s.config = placement.Config{
		Kind: placement.NIC, Machine: s.machine, Inside: "eth1", Uplink: "eth0", MAC: mac,
		Own:      netip.MustParsePrefix("192.168.1.2/24"),
		Router:   netip.MustParseAddr("192.168.1.1"),
		Folder:   GinkgoT().TempDir(),
		Guardian: []string{"/proc/self/exe", guardianWord},
	}
	return s
}

func (s *street) plan() *placement.Plan {
	GinkgoHelper()
	plan, err := placement.New(s.config)
	Expect(err).NotTo(HaveOccurred())
	return plan
}

// callRouter has a device look for the router of its last network, which is not
// there.
func callRouter(ctx context.Context, device *netns.Namespace) {
	for ctx.Err() == nil {
		if connection, err := device.Dial(ctx, "udp", "192.168.1.254:123"); err == nil {
			_, _ = connection.Write([]byte("x"))
			_ = connection.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ip runs ip on the machine.
func (s *street) ip(ctx context.Context, arguments string) string {
	GinkgoHelper()
	text, err := s.machine.Command(ctx, "ip", strings.Fields(arguments)...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "ip %s: %s", arguments, text)
	return string(text)
}

// settled waits until the kernel has done with the links and addresses that are
// there.
func (s *street) settled(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() string { return s.ip(ctx, "addr") }).WithContext(ctx).WithTimeout(8 * time.Second).ShouldNot(Or(ContainSubstring("NO-CARRIER"), ContainSubstring("tentative")))
}

var _ = Describe("a placement", func() {
	It("is a list of steps, of which some change the machine", func() {
		plan, err := placement.New(placement.Config{
			Kind: placement.NIC, Machine: netnstest.New(), Inside: "eth1", Uplink: "eth0", MAC: mac,
			Folder: "/run/needwant", Guardian: []string{"guardian"},
		})
		Expect(err).NotTo(HaveOccurred())
		steps := plan.Steps()
		Expect(steps[0]).To(Equal("lock device 7c:49:eb:00:00:01, interface eth1, network 192.168.50.0/24, network 169.254.75.40/30 for this program, in /run/needwant"))
		var changes []string
		for _, step := range steps {
			if what, changing := strings.CutSuffix(step, "  (changes the machine)"); changing {
				changes = append(changes, strings.Join(strings.Fields(what)[:3], " "))
			}
		}
		Expect(changes).To(Equal([]string{"move eth1 into", "add a macvlan", "connect this machine"}))
	})

	It("of a Wi-Fi tells its name, and not its passphrase", func() {
		plan, err := placement.New(placement.Config{
			Kind: placement.AP, Machine: netnstest.New(), Inside: "wlan0", Uplink: "eth0", MAC: mac, SSID: "our things", Passphrase: "correct horse",
			Folder: "/run/needwant", Guardian: []string{"guardian"},
		})
		Expect(err).NotTo(HaveOccurred())
		steps := strings.Join(plan.Steps(), "\n")
		Expect(steps).To(ContainSubstring("move the radio of wlan0, and the interface with it, into the namespace  (changes the machine)"))
		Expect(steps).To(ContainSubstring(`open the Wi-Fi "our things" there, on channel 6, by hostapd, for 7c:49:eb:00:00:01 alone`))
		Expect(steps).NotTo(ContainSubstring("correct horse"))
	})

	DescribeTable("is refused when", func(says string, change func(*placement.Config)) {
		config := placement.Config{
			Kind: placement.NIC, Machine: netnstest.New(), Inside: "eth1", Uplink: "eth0",
			Folder: "/run/needwant", Guardian: []string{"guardian"},
		}
		change(&config)
		_, err := placement.New(config)
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("its kind is unknown", "it takes one of", func(c *placement.Config) { c.Kind = "cloud" }),
		Entry("one link is both", "needs two links", func(c *placement.Config) { c.Inside = "eth0" }),
		Entry("one arm has a link inside", "needs an uplink and nothing else", func(c *placement.Config) { c.Kind = placement.OneArm }),
		Entry("one arm is for anybody", "onearm needs the device's MAC address", func(c *placement.Config) {
			c.Kind, c.Inside = placement.OneArm, ""
		}),
		Entry("the device has no address of IPv4", "must be one of IPv4", func(c *placement.Config) { c.Address = netip.MustParseAddr("fd00::1") }),
		Entry("nobody guards it", "needs a guardian", func(c *placement.Config) { c.Guardian = nil }),
		Entry("a Wi-Fi would be for anybody", "which alone may join it", func(c *placement.Config) {
			c.Kind, c.SSID, c.Passphrase = placement.AP, "things", "correct horse"
		}),
		Entry("a Wi-Fi has a name that none can have", "1 to 32 bytes", func(c *placement.Config) { c.Kind, c.MAC = placement.AP, mac }),
		Entry("an own address has no router", "needs a router", func(c *placement.Config) { c.Own = netip.MustParsePrefix("192.168.1.2/24") }),
	)

	It("stands between the device and the router, and lets the machine's own programs reach the device", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(placed.Own).To(Equal(netip.MustParseAddr("192.168.1.2")))
		Expect(placed.Upstream).To(Equal(netip.MustParseAddrPort("192.168.1.1:53")), "the router, where nobody says who resolves")
		Expect(placed.Await(ctx, 10*time.Second)).To(Succeed())

		listener, err := s.router.Listen(ctx, "tcp", "192.168.1.1:80")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		up, err := placed.Namespace.Dial(ctx, "tcp", "192.168.1.1:80")
		Expect(err).NotTo(HaveOccurred())
		Expect(up.LocalAddr().String()).To(HavePrefix("192.168.1.2:"))
		Expect(up.Close()).To(Succeed())
		Expect(s.ip(ctx, "route get 192.168.50.10")).To(ContainSubstring("dev nw-"))

		Expect(placed.Close()).To(Succeed())
		Expect(s.ip(ctx, "-br link")).NotTo(ContainSubstring("nw-"))
	}, SpecTimeout(30*time.Second))

	It("knows whether the device is there, and who else is", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		s.config.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 9}
		var told []string
		s.config.Tell = func(text string) { told = append(told, text) }
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(placed.Close)
		told = nil
		var absent *placement.AbsentError
		Expect(placed.Await(ctx, time.Second)).To(BeAssignableToTypeOf(absent))
		Expect(told).To(ConsistOf("on eth1 there is 7c:49:eb:00:00:01, which is not the device; still waiting for the device"), "once, and before the wait is over")
		Expect(placed.Await(ctx, time.Second)).To(MatchError(ContainSubstring("there is 7c:49:eb:00:00:01, which is not the device")))
	}, SpecTimeout(30*time.Second))

	DescribeTable("finds a device that uses another address, and says what to do", Label("root"), func(ctx SpecContext, kind placement.Kind, fix string) {
		s := newStreet()
		if kind == placement.OneArm {
			s.config.Kind, s.config.Inside = kind, ""
			s.config.Uplink = "br0"
			for _, line := range []string{"link add br0 type bridge", "link set eth0 master br0", "link set eth1 master br0", "link set br0 up"} {
				s.ip(ctx, line)
			}
		}
		for _, line := range []string{"addr flush dev eth0", "addr add 192.168.1.108/24 dev eth0"} {
			Expect(s.device.Command(ctx, "ip", strings.Fields(line)...).Run()).To(Succeed())
		}
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(placed.Close)
		calling, stop := context.WithCancel(ctx)
		defer stop()
		go callRouter(calling, s.device)

		longest, waiting := 2*time.Second, context.Context(ctx)
		if kind == placement.NIC { // it is not waited for to the end
			longest = 20 * time.Second
			var give context.CancelFunc
			waiting, give = context.WithTimeout(ctx, 15*time.Second)
			defer give()
		}
		err = placed.Await(waiting, longest)
		Expect(err).To(MatchError(ContainSubstring("it uses the address 192.168.1.108, not 192.168.50.10: ")))
		Expect(err).To(MatchError(And(ContainSubstring(fix), Not(ContainSubstring("needwant-")))))
	},
		Entry("on an interface of its own", placement.NIC, "set the device to get its address automatically (DHCP), and switch it off and on", SpecTimeout(30*time.Second)),
		Entry("in the home network", placement.OneArm, "block the device's MAC address in the home router's DHCP settings", SpecTimeout(30*time.Second)),
	)

	DescribeTable("says where to look when the home router gives no address:", Label("root"), func(ctx SpecContext, router, says string) {
		s := newStreet()
		s.config.Own, s.config.Router = netip.Prefix{}, netip.Addr{}
		s.ip(ctx, "route add default via "+router)
		_, err := s.plan().Do(ctx)
		Expect(err).To(MatchError(And(ContainSubstring("no DHCP server has answered"), Not(ContainSubstring("needwant-")), Not(ContainSubstring("discovery")))))
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("the machine itself reaches it", "192.168.1.1", "this machine itself reaches 192.168.1.1 on eth0: does something there allow one MAC address only? "+
			"If this machine is a virtual one, allow promiscuous mode and forged transmits", SpecTimeout(30*time.Second)),
		Entry("the machine itself does not", "192.168.1.77", "is eth0 plugged into the home network?", SpecTimeout(30*time.Second)),
	)

	It("knows the device by its MAC address once it is there, if nobody has said it", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		s.config.MAC = nil
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(placed.Close)
		Expect(placed.MAC).To(BeNil())
		Expect(placed.Await(ctx, 10*time.Second)).To(Succeed())
		Expect(placed.MAC).To(Equal(mac))
	}, SpecTimeout(30*time.Second))

	It("says who has an interface that is not there", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		Expect(s.plan().Check()).To(Succeed())
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.plan().Check()).To(MatchError(fmt.Sprintf("inside: another needwant (process %d) has eth1 now: stop it, or wait until it is done", os.Getpid())))
		Expect(placed.Close()).To(Succeed())
		Expect(s.plan().Check()).To(Succeed())
	}, SpecTimeout(30*time.Second))

	It("names the remedy if the needwant that had an interface has died", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		process := exec.CommandContext(ctx, "true")
		Expect(process.Run()).To(Succeed())
		journal, err := guard.NewJournal(s.config.Folder, "another device", guard.Link{Name: "eth9"}, nil)
		Expect(err).NotTo(HaveOccurred())
		journal.PID = process.Process.Pid
		Expect(journal.Note("move eth9")).To(Succeed())
		s.config.Inside = "eth9"
		Expect(s.plan().Check()).To(MatchError(fmt.Sprintf("inside: a needwant that died (process %d) had eth9: 'sudo needwant restore' puts it back", journal.PID)))
	}, SpecTimeout(30*time.Second))

	It("is announced in one line, and each step before it is done", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		var told, steps []string
		s.config.Tell = func(text string) { told = append(told, text) }
		s.config.Step = func(text string) { steps = append(steps, text) }
		plan := s.plan()
		placed, err := plan.Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(placed.Close)
		Expect(told).To(HaveExactElements(HavePrefix("putting the device behind the gateway, in 9 steps;")))
		Expect(steps).To(HaveLen(9))
		for i, what := range plan.Steps() {
			what, _ = strings.CutSuffix(what, "  (changes the machine)")
			Expect(steps[i]).To(Equal(fmt.Sprintf("step %d: %s", i+1, what)))
		}
	}, SpecTimeout(30*time.Second))

	DescribeTable("is one program's alone, which no other may build on:", Label("root"), func(ctx SpecContext, says string, change func(*placement.Config)) {
		s := newStreet()
		placed, err := s.plan().Do(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(placed.Close)
		s.config.MAC, s.config.Address = net.HardwareAddr{2, 0, 0, 0, 0, 9}, netip.MustParseAddr("192.168.60.10")
		change(&s.config)
		_, err = s.plan().Do(ctx)
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("a VLAN of the interface that was moved", "already runs on interface eth1", func(c *placement.Config) { c.Kind, c.VLAN = placement.VLAN, 50 }, SpecTimeout(30*time.Second)),
		Entry("the interface that was moved, as an uplink", "already runs on interface eth1", func(c *placement.Config) { c.Inside, c.Uplink = "eth2", "eth1" }, SpecTimeout(30*time.Second)),
		Entry("the uplink, as the interface to be moved", "already runs on interface eth0", func(c *placement.Config) { c.Inside, c.Uplink = "eth0", "eth2" }, SpecTimeout(30*time.Second)),
	)

	It("does not take an interface for absent that the kernel says nothing about", Label("root"), func() {
		s := newStreet()
		s.config.Inside = strings.Repeat("x", 200)
		_, err := placement.New(s.config)
		Expect(err).To(MatchError(ContainSubstring("looking for interface xxx")))
	})

	It("of a Wi-Fi is told without a passphrase, and carried out with none but a good one", func(ctx SpecContext) {
		plan, err := placement.New(placement.Config{
			Kind: placement.AP, Machine: netnstest.New(), Inside: "wlan0", Uplink: "eth0", MAC: mac, SSID: "our things",
			Folder: GinkgoT().TempDir(), Guardian: []string{"guardian"},
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(plan.Steps()).NotTo(BeEmpty())
		_, err = plan.Do(ctx)
		Expect(err).To(MatchError(ContainSubstring("8 to 63 characters")))
	}, SpecTimeout(20*time.Second))

	It("opens no Wi-Fi on a link with a cable", Label("root"), func(ctx SpecContext) {
		s := newStreet()
		s.config.Kind, s.config.SSID, s.config.Passphrase = placement.AP, "things", "correct horse"
		s.settled(ctx)
		before := s.ip(ctx, "addr")
		_, err := s.plan().Do(ctx)
		Expect(err).To(MatchError(ContainSubstring("inside: eth1 is not a Wi-Fi link, which placement ap needs: name one")))
		Expect(s.ip(ctx, "addr")).To(Equal(before))
	}, SpecTimeout(30*time.Second))

	DescribeTable("lets the radio of a client of the Wi-Fi be moved where the uplink is a way to the internet too", Label("root"), func(ctx SpecContext, kind placement.Kind, setting string, well bool) {
		s := newStreet()
		s.config.Kind = kind
		if kind == placement.AP {
			s.config.SSID, s.config.Passphrase = "things", "correct horse"
		}
		for line := range strings.SplitSeq(setting, ";") {
			s.ip(ctx, line)
		}
		lifeline := Expect(s.plan().Lifeline())
		if well {
			lifeline.To(Succeed())
		} else {
			lifeline.To(MatchError(ContainSubstring("the wrong way round")))
		}
	},
		Entry("it is", placement.AP, "route add default via 192.168.1.1;route add default dev eth1 metric 600", true, SpecTimeout(30*time.Second)),
		Entry("it is, by IPv6 too", placement.AP, "-6 route add default dev eth0;-6 route add default dev eth1 metric 600", true, SpecTimeout(30*time.Second)),
		Entry("it is none", placement.AP, "route add default dev eth1", false, SpecTimeout(30*time.Second)),
		Entry("it is one of the other IP", placement.AP, "route add default via 192.168.1.1;-6 route add default dev eth1", false, SpecTimeout(30*time.Second)),
		Entry("it is one of another table", placement.AP, "route add default via 192.168.1.1 table 100;route add default dev eth1", false, SpecTimeout(30*time.Second)),
		Entry("no radio is to be moved", placement.NIC, "route add default via 192.168.1.1;route add default dev eth1 metric 600", false, SpecTimeout(30*time.Second)),
	)

	DescribeTable("leaves alone", Label("root"), func(ctx SpecContext, setting, says string) {
		s := newStreet()
		for line := range strings.SplitSeq(setting, ";") {
			s.ip(ctx, line)
		}
		s.settled(ctx)
		before := s.ip(ctx, "addr") + s.ip(ctx, "route")
		_, err := s.plan().Do(ctx)
		Expect(err).To(MatchError(ContainSubstring(says)))
		Expect(s.ip(ctx, "addr") + s.ip(ctx, "route")).To(Equal(before))
	},
		Entry("the link that the machine lives by", "route add default dev eth1", "the wrong way round", SpecTimeout(30*time.Second)),
		Entry("one of several ways", "addr add 10.0.0.1/24 dev eth1;route add 10.9.0.0/16 nexthop via 10.0.0.2 nexthop via 192.168.1.1", "several ways", SpecTimeout(30*time.Second)),
		Entry("a port of a bridge", "link add br0 type bridge;link set eth1 master br0", "is a port of br0", SpecTimeout(30*time.Second)),
		Entry("what others stand on", "link add mv0 link eth1 type macvlan", "mv0 stands on eth1", SpecTimeout(30*time.Second)),
		Entry("a network that has a way already", "route add 192.168.50.0/24 via 192.168.1.9", "has a route to 192.168.50.0/24 already", SpecTimeout(30*time.Second)),
		Entry("an uplink that is down", "link set eth0 down", "eth0 is down", SpecTimeout(30*time.Second)),
	)
})
