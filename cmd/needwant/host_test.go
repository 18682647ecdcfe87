package main_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/names"
)

// asRouter makes the machine the router that the device has always had: it gives
// addresses, answers for names, forwards, translates, and guards itself, with
// rules as firewalls and containers write them. It counts what leaves for each
// of the device's destinations.
func (h *home) asRouter(ctx context.Context) {
	GinkgoHelper()
	h.in(ctx, `
		ip addr add 192.168.1.2/24 dev uplink
		sysctl -qw net.ipv4.ip_forward=1
		iptables -P INPUT DROP
		iptables -A ufw-user-input -i inside -p udp -m multiport --dports 53,67 -j ACCEPT
		iptables -A ufw-user-input -p tcp --dport 22 -j ACCEPT
		iptables -A ufw-user-input -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		iptables -A ufw-user-input -i lo -j ACCEPT
		iptables -N f2b-sshd; iptables -I INPUT -p tcp --dport 22 -j f2b-sshd; iptables -A f2b-sshd -j RETURN
		iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER
		iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		iptables -A FORWARD -i inside -o uplink -j ACCEPT
		iptables -A FORWARD -i uplink -o inside -s 192.168.1.0/24 -j ACCEPT
		iptables -t nat -A POSTROUTING -o uplink -j MASQUERADE
		for last in 10 11 12 13; do iptables -t mangle -A POSTROUTING -o uplink -d 203.0.113.$last; done
		ip6tables -P FORWARD DROP`)
	router := netip.MustParseAddr("192.168.50.1")
	server, err := dhcp.Serve(h.machine, "inside", nil, dhcp.Lease{
		Address: netip.MustParsePrefix("192.168.50.10/24"), Router: router, Resolver: router,
	}, nil)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)
	resolver, err := names.Forward(ctx, h.machine, names.Config{
		Port: names.Port, Own: []netip.Addr{router}, Upstream: h.Gateway.Upstream, Learn: func(context.Context, names.Answered) error { return nil },
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(resolver.Close)
	Eventually(func() []string { return h.stalled(ctx) }).WithContext(ctx).WithTimeout(20*time.Second).Should(BeEmpty(), "the device is at work")
}

// left is how many packets have left for each destination.
func (h *home) left(ctx context.Context) map[string]int {
	GinkgoHelper()
	counts := map[string]int{}
	for line := range strings.SplitSeq(h.in(ctx, "iptables -t mangle -nvxL POSTROUTING"), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 8 || !strings.HasPrefix(fields[len(fields)-1], "203.0.113.") {
			continue
		}
		count, err := strconv.Atoi(fields[0])
		Expect(err).NotTo(HaveOccurred(), line)
		counts[fields[len(fields)-1]] = count
	}
	Expect(counts).To(HaveLen(4))
	return counts
}

// stalled are the destinations that nothing leaves for, of those that the device
// contacts many times a second.
func (h *home) stalled(ctx context.Context) (none []string) {
	GinkgoHelper()
	before := h.left(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(500 * time.Millisecond):
	}
	for destination, count := range h.left(ctx) {
		if count == before[destination] {
			none = append(none, destination)
		}
	}
	return none
}

// hostSpec is the spec of a device behind the user's own router. It is watched
// long enough to ask for every name again.
func (h *home) hostSpec(changes ...string) string {
	return h.spec(append(changes, "placement: nic", "placement: host", "observe: 1s", "observe: 3s")...)
}

// session is somebody's way to the machine, as by SSH: it fails the spec when it
// is cut.
func (h *home) session(ctx context.Context) (alive func()) {
	GinkgoHelper()
	listener, err := h.machine.Listen(ctx, "tcp", "192.168.1.3:22")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	go func() {
		if server, err := listener.Accept(); err == nil {
			_, _ = io.Copy(server, server)
		}
	}()
	var client net.Conn
	client, err = h.App.Dial(ctx, "tcp", "192.168.1.3:22")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(client.Close)
	return func() {
		GinkgoHelper()
		Expect(client.SetDeadline(time.Now().Add(5 * time.Second))).To(Succeed())
		Expect(client.Write([]byte("x"))).To(Equal(1))
		Expect(io.ReadFull(client, make([]byte, 1))).To(Equal(1))
	}
}

var _ = Describe("a device behind the user's own router", Label("root"), SpecPriority(1), func() {
	It("is bisected to its true matrix, and the router is as it was", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		alive := h.session(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.hostSpec(), "--allow-actuation", "--order", "exact", "--wait", "30s")
		Expect(run.Code).To(Equal(0), run.Stderr)
		alive()
		h.expectAsBefore(ctx, before)
		h.expectClean()
		h.expectTruth("plug.run")
	}, SpecTimeout(3*time.Minute))

	It("is bisected to what servers of its owner can replace, and the router is as it was when needwant is killed while they answer", Label("whole"), func(ctx SpecContext) {
		content := strings.NewReplacer("port: 123}", "port: 123, content_with: [ntp]}").Replace(plugWorld)
		h := newHomeOf(ctx, content, join)
		h.asRouter(ctx)
		before := h.settled(ctx)
		spec := h.hostSpec()
		run := h.needwant(ctx, "bisect", spec, "--allow-actuation", "--order", "exact", "--wait", "30s", "--out", "plug.run")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		said := strings.Join(strings.Fields(h.needwant(ctx, "report", "plug.run", "--format", "text").Stdout), " ")
		Expect(said).To(ContainSubstring("your own time server (by its name)"))

		command, steps := h.start(ctx, "gateway", spec, "--policy", "plug.run", "--with-stand-ins", "--wait", "30s")
		steps.until(ctx, "stop with Ctrl-C")
		Expect(h.rules(ctx)).To(ContainElement(ContainSubstring("-A NEEDWANT-LEAD -d 203.0.113.11")))
		Eventually(func() []string { return h.stalled(ctx) }).WithContext(ctx).Should(ContainElements("203.0.113.11", "203.0.113.12"))
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		h.expectAsBefore(ctx, before)
		Eventually(func() []string { return h.stalled(ctx) }).WithContext(ctx).Should(BeEmpty(), "no connection is led to needwant any more")
		h.expectClean()
	}, SpecTimeout(4*time.Minute))

	It("lets the device's packets pass again after needwant and its cleanup process are killed, and restore removes the rules", func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		alive := h.session(ctx)
		before := h.settled(ctx)
		command, _ := h.start(ctx, "bisect", h.hostSpec("settle: 600ms", "settle: 4s"), "--allow-actuation", "--wait", "30s")
		Eventually(func() []string { return h.stalled(ctx) }).WithContext(ctx).WithTimeout(30 * time.Second).ShouldNot(BeEmpty())
		alive()
		Expect(h.guardian(command.Process.Pid).Kill()).To(Succeed())
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		Expect(h.stalled(ctx)).NotTo(BeEmpty(), "the block outlives both for a while")
		Eventually(func() []string { return h.stalled(ctx) }).WithContext(ctx).WithTimeout(block.PulseLasts + time.Second).Should(BeEmpty())
		alive()

		Expect(h.needwant(ctx, "restore", "--dry-run").Stdout).To(ContainSubstring("remove the set needwant-pulse-4"))
		restored := h.needwant(ctx, "restore")
		Expect(restored.Code).To(Equal(0), restored.Stderr)
		h.expectAsBefore(ctx, before)
		Expect(h.needwant(ctx, "restore").Stdout).To(Equal("nothing to restore\n"))
		h.expectClean()
		alive()
	}, SpecTimeout(90*time.Second))

	It("has its router as it was when needwant is killed at any step, at work, and while it puts things back", func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		before := h.settled(ctx)
		for _, moment := range []struct {
			words string
			end   os.Signal
			later time.Duration
		}{
			{"step 2:", syscall.SIGKILL, 0},
			{"step 3:", syscall.SIGKILL, 0},
			{"step 4:", syscall.SIGKILL, 0},
			{"step 4:", syscall.SIGKILL, 100 * time.Millisecond}, // while the rules are written
			{"step 4:", syscall.SIGKILL, 250 * time.Millisecond},
			{"step 4:", syscall.SIGKILL, 500 * time.Millisecond},
			{"the device is behind the gateway", syscall.SIGKILL, 0},
			{"the device is behind the gateway", syscall.SIGTERM, 0},
			{"the device is behind the gateway", syscall.SIGTERM, 50 * time.Millisecond},
			{"the device is behind the gateway", syscall.SIGTERM, 200 * time.Millisecond},
		} {
			command, said := h.start(ctx, "gateway", h.hostSpec(), "--wait", "30s", "--verbose")
			said.until(ctx, moment.words)
			Expect(command.Process.Signal(moment.end)).To(Succeed())
			pause(ctx, moment.later)
			_ = command.Process.Kill() // it may have ended
			_ = command.Wait()
			h.expectAsBefore(ctx, before)
			Expect(h.needwant(ctx, "restore").Stdout).To(Equal("nothing to restore\n"))
			h.expectClean()
		}
	}, SpecTimeout(2*time.Minute))

	It("shares the router with rules that others write meanwhile, which stay", func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.hostSpec(), "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")
		const theirs = "-A FORWARD -s 10.9.9.9/32 -m comment --comment needwanted -j DROP"
		h.in(ctx, "iptables "+theirs+"; iptables -t mangle -N THEIRS")
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
		Expect(h.rules(ctx)).To(And(ContainElements(theirs, ":THEIRS - "), Not(ContainElement(ContainSubstring("NEEDWANT")))))
		h.in(ctx, "iptables "+strings.Replace(theirs, "-A", "-D", 1)+"; iptables -t mangle -X THEIRS")
		h.expectAsBefore(ctx, before)
	}, SpecTimeout(time.Minute))

	It("is told what would be changed, and nothing is", func(ctx SpecContext) {
		h := newHome(ctx)
		h.asRouter(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.hostSpec(), "--allow-actuation", "--dry-run")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(strings.Join(strings.Fields(run.Stdout), " ")).To(ContainSubstring("only packets of 7c:49:eb:00:00:01 take, at 192.168.50.10, on inside"))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	DescribeTable("is left alone, with the reason and the remedy, when", func(ctx SpecContext, setting, says string, changes ...string) {
		h := newHome(ctx)
		h.asRouter(ctx)
		h.in(ctx, setting)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.hostSpec(changes...), "--allow-actuation", "--wait", "10s")
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(strings.Join(strings.Fields(run.Stderr), " ")).To(ContainSubstring(says))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	},
		Entry("the machine forwards nothing", "sysctl -qw net.ipv4.ip_forward=0", "so it is not the device's router", SpecTimeout(time.Minute)),
		Entry("the device is elsewhere", "", "lies in no network of inside, which has 192.168.50.0/24", "192.168.50.10", "192.168.60.10", SpecTimeout(time.Minute)),
		Entry("it is the router itself", "", "is this router's own address", "192.168.50.10", "192.168.50.1", SpecTimeout(time.Minute)),
		Entry("the uplink leads nowhere", "ip link add nowhere type veth peer name out; ip link set nowhere up",
			"nowhere is not this router's way to the internet; that is uplink", "uplink: uplink", "uplink: nowhere", SpecTimeout(time.Minute)),
		Entry("another device has the address", "", "which is not the device", "7c:49:eb:00:00:01", "7c:49:eb:00:00:99", SpecTimeout(time.Minute)),
	)
})
