package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gopacket/gopacket/layers"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/netns/netnstest"
)

// The wall bench sends packets of every kind to every target, in every placement, and
// looks which of them arrive. What may arrive is in mayPass; nothing else may.

// A wall is what stands between a device and its home in some placements.
type wall string

const (
	apart  wall = "the gateway's own namespace" // the device is behind it
	shared wall = "the tables of the home's router"
)

// walls says which wall a placement has. Each of [placement.Kinds] must have one.
var walls = map[placement.Kind]wall{
	placement.NIC: apart, placement.VLAN: apart, placement.AP: apart, placement.OneArm: apart, placement.Host: shared,
}

func (w wall) option(c *gateway.Config) {
	deviceAlone(c)
	c.Controllers = nil
	c.LAN = append(c.LAN, netip.MustParsePrefix("169.254.7.0/30"), netip.MustParsePrefix("fd07::/64")) // the machine's own programs, as placements have them
	if w == shared {
		c.Alone, c.Shared, c.Address = false, true, netip.MustParseAddr("192.168.50.10")
	}
}

// sender is who sends a packet, by its MAC address and its source address.
type sender string

const (
	device        sender = "the device"
	falseSource   sender = "the device, with a source address that is not its own"
	otherHardware sender = "another MAC address"
	internetHost  sender = "the internet"
)

// target is where a packet is for.
type target string

const (
	internet target = "the internet"
	homeHost target = "a host at home"
	router   target = "the home router"
	machine  target = "the machine's own services" // and, behind a veth pair, its own programs
	listener target = "the gateway's DNS server"   // it is reached if it passes the query on
	blocked  target = "a blocked destination"
)

// targets begins with the internet, so that there is a connection that the other packets
// can pretend to be about.
func targets() []target { return []target{internet, homeHost, router, machine, listener, blocked} }

// shot is one packet. Its contents have its number in them.
type shot struct {
	from sender
	to   target
	kind string // of packet: "TCP SYN", "protocol 47"
}

// testable reports whether a packet is one that begins something that a block tests.
// A segment with an acknowledgement and nothing that begins or ends a connection is
// taken for one of a connection from before (net.netfilter.nf_conntrack_tcp_loose).
func (s shot) testable() bool {
	kind, _, _ := strings.Cut(s.kind, " from ")
	flags, ofTCP := strings.CutPrefix(kind, "TCP ")
	has := func(flag string) bool { return slices.Contains(strings.Split(flags, "+"), flag) }
	switch {
	case ofTCP && has("FIN"), ofTCP && has("RST"):
		return false
	case ofTCP:
		return has("SYN") != has("ACK")
	}
	return kind == "UDP" || kind == "echo" || strings.HasPrefix(kind, "UDP, ")
}

// mayPass is the table of what may arrive. A device has any number of addresses over
// IPv6, so that on its own router its MAC address tells what it sends.
func (w wall) mayPass(s shot, family family) bool {
	switch {
	case s.to == listener:
		return s.from == device || w == shared && s.from == falseSource && !family.first.Is4()
	case s.from == internetHost: // to anywhere but the device
		return w == shared // the owner's rules are the owner's
	case w == apart:
		return s.from == device && s.to == internet && s.testable()
	case s.from == otherHardware: // others are no concern of needwant's
		return true
	case s.to == homeHost, s.to == router, s.to == machine: // the device is at home
		return true
	case s.to == internet && (s.from == device || !family.first.Is4()):
		return s.testable()
	}
	return false
}

// mustPass are packets without which the bench would show nothing.
func (w wall) mustPass(s shot) bool {
	return s.from == device && (s.to == internet && (s.kind == "TCP SYN" || s.kind == "UDP" || s.kind == "echo") || s.to == listener && s.kind == "query to port 53")
}

var _ = Describe("the wall bench", Label("root"), func() {
	It("has a wall for each placement", func() {
		Expect(slices.Sorted(maps.Keys(walls))).To(ConsistOf(placement.Kinds()))
	})

	for _, w := range []wall{apart, shared} {
		var kinds []string
		for _, kind := range placement.Kinds() {
			if walls[kind] == w {
				kinds = append(kinds, string(kind))
			}
		}
		for _, family := range families {
			It(fmt.Sprintf("lets pass what the table says, and nothing else: %s (%s), over %s", w, strings.Join(kinds, ", "), family.name), func(ctx SpecContext) {
				newRange(ctx, w, family).fire(ctx)
			}, SpecTimeout(2*time.Minute))
		}
	}
})

// shootingRange is a street with taps where packets may arrive.
type shootingRange struct {
	*street
	wall      wall
	family    family
	at        map[target]netip.Addr
	shots     []shot
	receivers []*receiver
}

func newRange(ctx context.Context, w wall, family family) *shootingRange {
	GinkgoHelper()
	is4 := family.first.Is4()
	pick := func(four, six string) netip.Addr {
		return netip.MustParseAddr(map[bool]string{true: four, false: six}[is4])
	}
	r := &shootingRange{wall: w, family: family}
	r.street = newStreet(ctx, w.option, func(c *gateway.Config) {
		if w == shared { // as a router is
			Expect(c.Namespace.Sysctl("net.ipv4.ip_forward", "1")).To(Succeed())
			Expect(c.Namespace.Sysctl("net.ipv6.conf.all.forwarding", "1")).To(Succeed())
		}
	})
	programs := pick("169.254.7.1", "fd07::1")
	r.at = map[target]netip.Addr{
		homeHost: netip.MustParseAddr(family.controller), router: pick("192.168.1.1", "fd01::1"), machine: programs,
		internet: family.unassigned, blocked: family.second, listener: netip.MustParseAddr(family.gateway),
	}
	cable := r.machineCable(programs)
	r.offer(ctx, family.first, 443)
	Expect(reach(ctx, r.device, "tcp", family.first, 443)).To(Succeed(), "the neighbours know each other")
	var all []harness.Destination
	for _, id := range []string{"tcp/443/", "udp/443/", "icmp/echo/"} {
		all = append(all, destination(id+family.second.String()))
	}
	Expect(r.gateway.Block(ctx, all, harness.Drop)).To(Succeed())
	r.receivers = []*receiver{newReceiver(ctx, r.outside, "o0"), newReceiver(ctx, cable, "m0")}
	return r
}

// machineCable lays a veth pair to the machine's own programs.
func (r *shootingRange) machineCable(programs netip.Addr) *netns.Namespace {
	GinkgoHelper()
	machine := netnstest.New()
	Expect(netns.Veth(netns.End{Namespace: machine, Name: "m0"}, netns.End{Namespace: r.middle, Name: "machine"})).To(Succeed())
	bits := map[bool]int{true: 30, false: 64}[programs.Is4()]
	Expect(machine.AddAddress("m0", netip.PrefixFrom(programs, bits))).To(Succeed())
	Expect(r.middle.AddAddress("machine", netip.PrefixFrom(programs.Next(), bits))).To(Succeed())
	return machine
}

// fire sends everything, and compares what arrives with the table.
func (r *shootingRange) fire(ctx context.Context) {
	GinkgoHelper()
	before := r.stopped(ctx)
	own, elsewhere := netip.MustParseAddr(r.family.device), netip.MustParseAddr(r.family.controller)
	other := net.HardwareAddr{2, 0, 0, 0, 0, 0x66}
	for _, to := range targets() {
		for _, each := range []struct {
			sender sender
			source netip.Addr
			mac    net.HardwareAddr
		}{{device, own, nil}, {falseSource, elsewhere, nil}, {otherHardware, own, other}} {
			frame(ctx, r.device, "d0", r.middle, "in0", each.mac, r.load(each.sender, to, r.kinds(each.source, to))...)
		}
		for _, source := range r.falseSources() {
			frame(ctx, r.device, "d0", r.middle, "in0", nil, r.load(falseSource, to, r.few(source, to))...)
		}
		if to == internet || to == machine || to == listener { // what comes from one and is for the other
			frame(ctx, r.outside, "o0", r.middle, "up0", nil, r.load(internetHost, to, r.kinds(r.family.first, to))...)
		}
	}
	last := r.number(shot{device, internet, "UDP"})
	Eventually(func() bool { return r.arrived()[last] }).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeTrue())
	arrived := r.settled(ctx)

	passed := 0
	for number, s := range r.shots {
		switch {
		case arrived[number]:
			passed++
			Expect(r.wall.mayPass(s, r.family)).To(BeTrue(), "%s to %s: %s arrived", s.from, s.to, s.kind)
		default:
			Expect(r.wall.mustPass(s)).To(BeFalse(), "%s to %s: %s did not arrive", s.from, s.to, s.kind)
		}
	}
	stopped := r.stopped(ctx) - before
	AddReportEntry("wall bench", fmt.Sprintf("| %s | %s | %d | %d | %d |", r.wall, r.family.name, len(r.shots), passed, stopped), ReportEntryVisibilityFailureOrVerbose)
	Expect(stopped).To(BeNumerically(">", 0), "the rules count what they stop")
	seen := r.observe(ctx)
	Expect(seen.Broken).To(BeEmpty())
	Expect(seen.Untested).NotTo(BeEmpty(), "what cannot be tested is reported")
	for _, contact := range seen.Contacts {
		if contact.Destination.Name == r.family.second.String() {
			Expect(contact.Attempts).To(BeNumerically(">", 0), "%s ran into the block", contact.Destination)
		}
	}
	Expect(reach(ctx, r.device, "tcp", r.family.first, 443)).To(Succeed(), "the device works on")
}

// settled is what has arrived, once nothing more does.
func (r *shootingRange) settled(ctx context.Context) (arrived map[int]bool) {
	GinkgoHelper()
	count := -1
	Eventually(func() bool {
		arrived = r.arrived()
		same := len(arrived) == count
		count = len(arrived)
		return same
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(200 * time.Millisecond).Should(BeTrue())
	return arrived
}

func (r *shootingRange) arrived() map[int]bool {
	all := map[int]bool{}
	for _, b := range r.receivers {
		b.mutex.Lock()
		maps.Copy(all, b.seen)
		b.mutex.Unlock()
	}
	return all
}

func (r *shootingRange) number(s shot) int { return slices.Index(r.shots, s) }

// stopped is how many packets the gateway's rules have dropped or rejected.
func (r *shootingRange) stopped(ctx context.Context) (packets int) {
	GinkgoHelper()
	program := map[bool]string{true: "iptables", false: "ip6tables"}[r.family.first.Is4()]
	for _, table := range []string{"mangle", "filter"} {
		text, err := r.middle.Command(ctx, program, "-w", "-t", table, "-nvxL").Output()
		Expect(err).NotTo(HaveOccurred())
		ours := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Chain ") {
				ours = strings.HasPrefix(line, "Chain NEEDWANT-")
			}
			fields := strings.Fields(line)
			if ours && len(fields) > 3 && (fields[2] == "DROP" || fields[2] == "REJECT") {
				count, err := strconv.Atoi(fields[0])
				Expect(err).NotTo(HaveOccurred())
				packets += count
			}
		}
	}
	return packets
}

// kinds are the packets from an address to a target.
func (r *shootingRange) kinds(source netip.Addr, to target) []kindOf {
	if to == listener {
		return append(queries(source, r.at[listener]), queries(source, map[bool]netip.Addr{true: netip.MustParseAddr("192.168.1.2"), false: netip.MustParseAddr("fd01::2")}[source.Is4()])...)
	}
	return kinds(path{source, r.at[to], r.at[listener], r.at[internet], netip.MustParseAddr(r.family.device)})
}

// few are those that would pass if it were not for their source address.
func (r *shootingRange) few(source netip.Addr, to target) (some []kindOf) {
	for _, each := range r.kinds(source, to) {
		if to == listener || slices.Contains([]string{"TCP SYN", "UDP", "echo"}, each.name) {
			some = append(some, kindOf{each.name + " from " + source.String(), each.packet})
		}
	}
	return some
}

// falseSources are those that the device pretends to have, other than that of a host
// at home.
func (r *shootingRange) falseSources() (all []netip.Addr) {
	all = []netip.Addr{r.at[router], r.at[machine], r.at[listener], r.at[blocked], r.family.first}
	other := map[bool][]string{true: {"169.254.9.9", "127.0.0.1", "10.1.2.3", "255.255.255.255", "224.0.0.1"}, false: {"fd99::1", "::1", "2001:db8:9::1", "ff02::1", "::ffff:10.1.2.3"}}
	for _, text := range other[r.family.first.Is4()] {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// load makes packets of one sender for one target.
func (r *shootingRange) load(from sender, to target, kinds []kindOf) (packets [][]byte) {
	GinkgoHelper()
	for _, each := range kinds {
		number := len(r.shots)
		r.shots = append(r.shots, shot{from, to, each.name})
		packets = append(packets, each.packet(tag(number)))
	}
	return packets
}

// receiver sees which packets come in by a link, by the numbers in them.
type receiver struct {
	mutex sync.Mutex
	seen  map[int]bool
}

func newReceiver(ctx context.Context, namespace *netns.Namespace, name string) *receiver {
	GinkgoHelper()
	t := &receiver{seen: map[int]bool{}}
	listen(ctx, namespace, name, t.note)
	return t
}

func (t *receiver) note(packet []byte) {
	if returned(packet) {
		return
	}
	_, rest, found := bytes.Cut(packet, []byte(tagged))
	if !found || len(rest) < 6 {
		return
	}
	if number, err := strconv.Atoi(string(rest[:6])); err == nil {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.seen[number] = true
	}
}

// returned reports whether a packet is an ICMP error of a kernel, with the beginning of
// what was sent in it. Those that are sent have other types and codes.
func returned(packet []byte) bool {
	switch {
	case len(packet) > 28 && packet[0] == 0x45 && packet[9] == byte(layers.IPProtocolICMPv4):
		return packet[28] == 0x45 && !(packet[20] == 3 && packet[21] == 1)
	case len(packet) > 48 && packet[0]>>4 == 6 && packet[6] == byte(layers.IPProtocolICMPv6):
		return packet[48] == 0x60 && !(packet[40] == 1 && packet[41] == 3)
	}
	return false
}
