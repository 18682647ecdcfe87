package main_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/netnstest"
)

// home is a user's: a machine with two links, of which one leads to a device
// that asks for its address by DHCP, and one to the home network, with a router
// that has a DHCP server, and controllers.
type home struct {
	*lab.Lab // nil if the home has other devices
	machine  *netns.Namespace
	runtime  string // the machine's folder for locks and journals
	folder   string
	server   *dhcp.Server // the home router's
}

const plugWorld = `apiVersion: needwant/v1
kind: World
name: plug
device: {model: some.plug.v1, firmware: "1.0", token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 110ms, patience: 3, poll: 220ms}
destinations:
  cloud: {host: cloud.plug.example, addresses: [203.0.113.10], protocol: udp, port: 8053}
  one:   {host: one.time.example, addresses: [203.0.113.11], protocol: udp, port: 123}
  two:   {host: two.time.example, addresses: [203.0.113.12], protocol: udp, port: 123}
  stats: {host: stats.plug.example, addresses: [203.0.113.13], protocol: tcp, port: 443}
functions: {status: "one || two", control: "cloud && (one || two)"}
`

const plugSpec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: plug, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
secrets: {miio: env:PLUG_TOKEN, hass: env:HASS_TOKEN}
block: {faults: [reject], keep: [dhcp, dns]}
timing: {settle: 600ms, recover: 10s, observe: 1s}
scenarios:
  native_app:
    retry: {attempts: 2, every: 100ms}
    timeout: 400ms
    steps:
      - miio: {method: get_status}
      - miio: {method: find_me, params: [""]}
        actuates: true
  hass:
    from: lan
    retry: {attempts: 2, every: 100ms}
    steps:
      - hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true, apart: 1ms, interval: 220ms, poll_timeout: 1s}
        expect: state != "unavailable" && path == "lan"
`

// newHome builds one, with rules of the machine's own, which are nobody else's
// business.
func newHome(ctx context.Context) *home {
	GinkgoHelper()
	return newHomeOf(ctx, plugWorld, join)
}

// newHomeOf is one of another world, or whose device joins its network in a way of
// its own.
func newHomeOf(ctx context.Context, text string, join func(ctx context.Context, device *netns.Namespace, link string)) *home {
	GinkgoHelper()
	world, err := lab.Parse("plug.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	started, err := lab.Start(ctx, world, lab.Options{Seed: 1, Join: join})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(started.Close)
	h := &home{Lab: started, machine: started.Gateway.Namespace, runtime: GinkgoT().TempDir(), folder: GinkgoT().TempDir()}
	h.in(ctx, `
		ip addr del 192.168.1.2/24 dev uplink
		ip addr add 192.168.1.3/24 brd + dev uplink
		ip route add default via 192.168.1.1
		ip route add 10.7.0.0/16 via 192.168.50.99 dev inside metric 7
		sysctl -qw net.ipv4.conf.inside.rp_filter=2
		iptables -N ufw-user-input; iptables -A INPUT -j ufw-user-input; iptables -P FORWARD DROP
		iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE`)
	h.serveDHCP(nil)
	DeferCleanup(func() error { return h.server.Close() })
	return h
}

// oneWire puts the device into the home network: the machine's two links are now
// ports of a switch, on which it has its own address.
func (h *home) oneWire(ctx context.Context) {
	GinkgoHelper()
	h.in(ctx, `
		ip addr flush dev uplink; ip addr flush dev inside
		ip link add br0 type bridge; ip link set uplink master br0; ip link set inside master br0; ip link set br0 up
		ip addr add 192.168.1.3/24 brd + dev br0
		ip route add default via 192.168.1.1`)
}

// gatewayMAC is the MAC address that the gateway of a spec will have in the home network.
func (h *home) gatewayMAC(ctx context.Context, spec string) net.HardwareAddr {
	GinkgoHelper()
	plan := h.needwant(ctx, "bisect", spec, "--allow-actuation", "--dry-run")
	Expect(plan.Code).To(Equal(0), plan.Stderr)
	said := strings.Join(strings.Fields(plan.Stdout), " ") // whose lines are broken
	found := regexp.MustCompile(`for the home network, with the MAC address ([0-9a-f:]+)`).FindStringSubmatch(said)
	Expect(found).NotTo(BeNil(), plan.Stdout)
	mac, err := net.ParseMAC(found[1])
	Expect(err).NotTo(HaveOccurred())
	return mac
}

// serveDHCP is the home router's server, for one client; nil is the first.
func (h *home) serveDHCP(client net.HardwareAddr) {
	GinkgoHelper()
	if h.server != nil {
		Expect(h.server.Close()).To(Succeed())
	}
	server, err := dhcp.Serve(h.App, "eth0", client, dhcp.Lease{
		Address:  netip.MustParsePrefix("192.168.1.2/24"),
		Router:   netip.MustParseAddr("192.168.1.1"),
		Resolver: h.Gateway.Upstream.Addr(),
	}, nil)
	Expect(err).NotTo(HaveOccurred())
	h.server = server
}

// join is what a device does when it is switched on: it asks for an address, and
// uses it.
func join(ctx context.Context, device *netns.Namespace, link string) {
	for ctx.Err() == nil {
		client, err := dhcp.Ask(ctx, device, link)
		if err != nil {
			continue
		}
		_ = device.AddAddress(link, client.Lease.Address) // it may have it
		_ = device.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), client.Lease.Router)
		<-ctx.Done()
		_ = client.Close()
	}
}

// in runs shell commands on the machine.
func (h *home) in(ctx context.Context, script string) string {
	GinkgoHelper()
	return netnstest.Shell(ctx, h.machine, script)
}

// command prepares a run of the program on the machine.
func (h *home) command(ctx context.Context, args ...string) *netns.Command {
	return h.prepare(ctx, program, args...)
}

// prepare prepares a run of any program there, with all that needwant needs to
// know.
func (h *home) prepare(ctx context.Context, name string, args ...string) *netns.Command {
	command := h.machine.Command(ctx, name, args...)
	command.Dir = h.folder
	command.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+h.runtime)
	if h.Lab != nil {
		command.Env = append(command.Env, "PLUG_TOKEN="+h.Device.Token, "WRONG_TOKEN=ffeeddccbbaa99887766554433221100", "HASS_TOKEN="+h.Assistant.Token)
	}
	return command
}

func (h *home) needwant(ctx context.Context, args ...string) ended {
	GinkgoHelper()
	return h.run(ctx, program, args...)
}

// run runs any program on the machine to its end.
func (h *home) run(ctx context.Context, name string, args ...string) ended {
	GinkgoHelper()
	command := h.prepare(ctx, name, args...)
	return end(command.Cmd, command.Run)
}

// spec writes the spec, changed by pairs of old and new texts.
func (h *home) spec(changes ...string) string {
	GinkgoHelper()
	text := strings.NewReplacer(changes...).Replace(plugSpec)
	path := filepath.Join(h.folder, fmt.Sprintf("spec%d.yaml", len(text)))
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}

// controllers writes a spec with a scenario for each Home Assistant.
func (h *home) controllers(scenarios, expect string) string {
	GinkgoHelper()
	head, _, _ := strings.Cut(plugSpec, "scenarios:")
	head = strings.Replace(head, "uplink: uplink}", "uplink: uplink, forward: [udp/54321]}", 1)
	path := filepath.Join(h.folder, "controllers.yaml")
	text := head + strings.ReplaceAll(scenarios, "EXPECT", "'"+expect+"'")
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}

// state is all that the machine says of its network, without what counts
// seconds and connections. Rules are numbered: their order matters.
func (h *home) state(ctx context.Context) []string {
	GinkgoHelper()
	text := h.in(ctx, `
		ip addr
		ip route show table all; ip -6 route show table all; ip rule
		grep -rs '' /proc/sys/net | grep -v -e nf_conntrack_count -e nf_conntrack_max -e nf_log`)
	lines := strings.Split(text, "\n")
	for i, rule := range h.rules(ctx) {
		lines = append(lines, fmt.Sprintf("rule %d: %s", i, rule))
	}
	return lines
}

// rules are those of the machine, as iptables-save writes them.
func (h *home) rules(ctx context.Context) []string {
	GinkgoHelper()
	return strings.Split(h.in(ctx, `for save in iptables-save ip6tables-save; do $save | grep -v '^#' | sed 's/\[.*\]//'; done`), "\n")
}

// settled is the state once the kernel is done with what was set up.
func (h *home) settled(ctx context.Context) []string {
	GinkgoHelper()
	var last []string
	Eventually(func() bool {
		now := h.state(ctx)
		same := slices.Equal(now, last) && !slices.ContainsFunc(now, unsettled)
		last = now
		return same
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(200 * time.Millisecond).Should(BeTrue())
	return last
}

// unsettled tells of a line of the state whether the kernel will change it by
// itself: an address that is being tried, or a link that is up and not yet told
// to be, which a busy machine takes long for.
func unsettled(line string) bool {
	untold := strings.Contains(line, "state UNKNOWN") && !strings.Contains(line, "LOOPBACK")
	return untold || strings.Contains(line, "tentative")
}

// expectAsBefore waits for the kernel to be done with what was put back.
func (h *home) expectAsBefore(ctx context.Context, before []string) {
	GinkgoHelper()
	Eventually(func() []string {
		now := h.state(ctx)
		return append(only("gone: ", before, now), only("new: ", now, before)...)
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(200 * time.Millisecond).Should(BeEmpty())
}

// expectClean expects no journal and no lock to be left.
func (h *home) expectClean() {
	GinkgoHelper()
	Expect(filepath.Glob(h.runtime + "/*")).To(BeEmpty())
}

func only(mark string, these, those []string) (lines []string) {
	for _, line := range these {
		if !slices.Contains(those, line) {
			lines = append(lines, mark+line)
		}
	}
	return lines
}
