package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/netnstest"
)

// flat is a home as most have it: one network, with a device, another client, a
// machine for needwant, and a router that answers DNS queries.
type flat struct {
	machine, device, client, router *netns.Namespace
	folder                          string
	fallback                        string // that the device queries for a name that its resolver does not have; "" for none
}

const (
	flatMachine = "192.168.1.10"
	flatRouter  = "192.168.1.1"
	builtIn     = "8.8.8.8"
)

func newFlat(ctx context.Context) *flat {
	GinkgoHelper()
	f := &flat{folder: GinkgoT().TempDir()}
	for _, namespace := range []**netns.Namespace{&f.machine, &f.device, &f.client, &f.router} {
		created := netnstest.New()
		*namespace = created
	}
	ports := map[string]*netns.Namespace{"device": f.device, "client": f.client, "router": f.router}
	for name, namespace := range ports {
		Expect(netns.Veth(netns.End{Namespace: f.machine, Name: name}, netns.End{Namespace: namespace, Name: "eth0"})).To(Succeed())
	}
	Expect(f.machine.AddBridge("lan", "device", "client", "router")).To(Succeed())
	addresses := []struct {
		namespace     *netns.Namespace
		link, address string
	}{
		{f.machine, "lan", flatMachine + "/24"}, {f.device, "eth0", "192.168.1.50/24"}, {f.client, "eth0", "192.168.1.60/24"},
		{f.router, "eth0", flatRouter + "/24"}, {f.router, "eth0", builtIn + "/32"},
	}
	for _, a := range addresses {
		Expect(a.namespace.AddAddress(a.link, netip.MustParsePrefix(a.address))).To(Succeed())
	}
	Expect(f.device.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr(flatRouter))).To(Succeed())
	Expect(f.machine.Sysctl("net.ipv4.ip_unprivileged_port_start", "53")).To(Succeed())
	for _, address := range []string{flatRouter, builtIn} {
		netnstest.ServeNames(ctx, f.router, address)
	}
	DeferCleanup(func(ctx SpecContext) { f.needwant(ctx, "restore") }) // a process goes on answering
	return f
}

// leased is the resolver that the router's DHCP gives the device: the machine of needwant.
func (f *flat) leased(ctx context.Context) (resolver string) {
	GinkgoHelper()
	server, err := dhcp.Serve(f.router, "eth0", nil, dhcp.Lease{
		Address: netip.MustParsePrefix("192.168.1.50/24"), Router: netip.MustParseAddr(flatRouter), Resolver: netip.MustParseAddr(flatMachine),
	}, nil)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)
	client, err := dhcp.Ask(ctx, f.device, "eth0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(client.Close)
	return client.Lease.Resolver.String()
}

// lookUp is what a client gets for a name: an address and its TTL, or an error.
func lookUp(ctx context.Context, namespace *netns.Namespace, resolver, name string) (address string, ttl time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	connection, err := namespace.Dial(ctx, "udp", net.JoinHostPort(resolver, "53"))
	if err != nil {
		return "", 0, err
	}
	defer connection.Close()
	answer, _, err := new(dns.Client).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), &dns.Conn{Conn: connection})
	switch {
	case err != nil:
		return "", 0, err
	case answer.Rcode != dns.RcodeSuccess:
		return "", 0, fmt.Errorf("%s", dns.RcodeToString[answer.Rcode])
	case len(answer.Answer) == 0:
		return "", 0, fmt.Errorf("no address")
	}
	return answer.Answer[0].(*dns.A).A.String(), time.Duration(answer.Answer[0].Header().Ttl) * time.Second, nil
}

// appliance is a device that resolves names, each again when its TTL is over, and
// works while it has an address for some of them.
type appliance struct {
	mutex   sync.Mutex
	reached map[string]bool
	off     string // the device is off while this file exists
}

func (a *appliance) isOff() bool {
	_, err := os.Stat(a.off)
	return err == nil
}

// start runs it until the end of the spec. It resolves the name of a host boot.… once
// after each start, as if it kept that connection.
func (f *flat) start(ctx context.Context, resolver string, works func(reached map[string]bool) bool, hosts ...string) {
	GinkgoHelper()
	a := &appliance{reached: map[string]bool{}, off: filepath.Join(f.folder, "off")}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, host := range hosts {
		all.Go(func() { f.follow(life, a, resolver, host) })
	}
	listener, err := f.device.Listen(ctx, "tcp", "192.168.1.50:80")
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		if a.isOff() || !works(a.reached) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	DeferCleanup(func() { end(); _ = server.Close(); all.Wait() })
}

func (f *flat) follow(ctx context.Context, a *appliance, resolver, host string) {
	const again = 50 * time.Millisecond
	kept := false
	for ctx.Err() == nil {
		ttl := again
		if off := a.isOff(); off || !kept {
			reached := false
			if !off {
				address, valid, err := lookUp(ctx, f.device, resolver, host)
				if err != nil && f.fallback != "" {
					address, _, err = lookUp(ctx, f.device, f.fallback, host)
					valid = again
				}
				reached, ttl = err == nil && address != "0.0.0.0", valid
			}
			kept = reached && strings.HasPrefix(host, "boot.")
			a.mutex.Lock()
			a.reached[host] = reached
			a.mutex.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(ttl, again)):
		}
	}
}

// spec is the appliance's.
func (f *flat) spec(gateway, block string, more ...string) string {
	return file("plug.yaml", fmt.Sprintf(`
apiVersion: needwant/v1
kind: Scenarios
device: {name: plug, address: 192.168.1.50}
gateway: {placement: dns, resolver: %s%s}
block: {%s}
timing: {settle: 1s, recover: 10s, observe: 3s}
scenarios:
  status:
    title: Required for status?
    steps:
      - http: {url: "http://192.168.1.50/"}
        expect: status == 200
%s
`, flatRouter, gateway, block, strings.Join(more, "\n")))
}

// command runs needwant on the machine, without any privileges.
func (f *flat) command(ctx context.Context, args ...string) *netns.Command {
	command := f.machine.Command(ctx, "setpriv", append([]string{"--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", program}, args...)...)
	command.Dir = f.folder
	return command
}

func (f *flat) needwant(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	GinkgoHelper()
	command := f.command(ctx, args...)
	var said, told bytes.Buffer
	command.Stdout, command.Stderr = &said, &told
	err := command.Run()
	if command.ProcessState == nil {
		Expect(err).NotTo(HaveOccurred())
	}
	return command.ProcessState.ExitCode(), said.String(), told.String()
}

// verdicts are those of a matrix, by destination and column.
func verdicts(text string) map[string]string {
	GinkgoHelper()
	var matrix struct {
		Rows []struct {
			Destination struct{ ID string }
			Cells       map[string]struct{ Verdict string }
		}
	}
	Expect(json.Unmarshal([]byte(text), &matrix)).To(Succeed(), text)
	found := map[string]string{}
	for _, row := range matrix.Rows {
		for column, cell := range row.Cells {
			found[row.Destination.ID+" "+column] = cell.Verdict
		}
	}
	return found
}

// withoutSetpriv skips specs that need to give privileges up.
func withoutSetpriv() {
	if _, err := exec.LookPath("setpriv"); err != nil {
		Skip("setpriv of util-linux is not there")
	}
}

var _ = Describe("an experiment with placement dns", Label("root", "slow"), func() {
	BeforeEach(withoutSetpriv)

	It("finds what the device needs, without privileges, and no other client notices", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, f.leased(ctx), func(reached map[string]bool) bool {
			return reached["cloud.example"] && (reached["time1.example"] || reached["time2.example"])
		}, "cloud.example", "time1.example", "time2.example", "ads.example")
		watch := f.asAnotherClient(ctx)
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", "faults: [nxdomain]"), "--format", "json", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(0), stderr)
		Expect(verdicts(stdout)).To(Equal(map[string]string{
			"dns/cloud.example status": "required", "dns/ads.example status": "optional",
			"dns/time1.example status": "alternative", "dns/time2.example status": "alternative",
		}))
		Expect(stdout).To(ContainSubstring(`"by_name": true`))
		watch()
	}, SpecTimeout(3*time.Minute))

	It("tests the names on a blocklist alone", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, flatMachine, func(reached map[string]bool) bool { return reached["cloud.example"] && reached["log.example"] },
			"cloud.example", "log.example", "ads.example")
		list := file("list.txt", "0.0.0.0 log.example\n0.0.0.0 ads.example\n")
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", ""), "--only", list, "--format", "json", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(0), stderr)
		Expect(verdicts(stdout)).To(Equal(map[string]string{"dns/log.example status": "required", "dns/ads.example status": "optional"}))
		Expect(stdout).To(MatchRegexp(`"allow": \[\s*\[\s*"dns/log.example"\s*\]\s*\]`))

		watch := f.asAnotherClient(ctx)
		code, stdout, stderr = f.needwant(ctx, "why", f.spec("", ""), "--only", list)
		watch()
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(Equal("Allow log.example and everything works.\n"))
		code, stdout, stderr = f.needwant(ctx, "why", f.spec("", ""), "--only", file("innocent.txt", "0.0.0.0 ads.example\n"))
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(HavePrefix("Your list is not the cause"))
	}, SpecTimeout(4*time.Minute))

	It("finds what a restart needs, verifies the list with a restart, and goes on with the list", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, flatMachine, func(reached map[string]bool) bool { return reached["cloud.example"] && reached["boot.example"] },
			"cloud.example", "boot.example", "ads.example")
		off, run := filepath.Join(f.folder, "off"), filepath.Join(f.folder, "plug.run")
		spec := f.spec("", "", fmt.Sprintf("regimes: {cold_boot: {power: {exec: {off: touch %s, on: rm %s}, off: 200ms}, wait: 1s}}", off, off))
		code, stdout, stderr := f.needwant(ctx, "bisect", spec, "--format", "json", "--out", run)
		Expect(code).To(Equal(0), stderr)
		Expect(verdicts(stdout)).To(Equal(map[string]string{
			"dns/cloud.example status": "required", "dns/boot.example status": "required", "dns/ads.example status": "optional",
		}))

		code, stdout, stderr = f.needwant(ctx, "verify", run, "--for", "2s")
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(And(ContainSubstring("for plug: blocked by nxdomain"), ContainSubstring("power-cycled under it"), ContainSubstring("dns/ads.example")))

		command := f.command(ctx, "gateway", spec, "--policy", run)
		command.Stderr = GinkgoWriter
		Expect(command.Start()).To(Succeed())
		answered := func(name string) func() error {
			return func() error { _, _, err := lookUp(ctx, f.device, flatMachine, name); return err }
		}
		Eventually(answered("ads.example")).WithTimeout(20 * time.Second).Should(MatchError("NXDOMAIN"))
		Expect(answered("cloud.example")()).To(Succeed())
		_, _, err := lookUp(ctx, f.client, flatMachine, "ads.example")
		Expect(err).NotTo(HaveOccurred(), "another client")
		Expect(command.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
		Eventually(answered("ads.example")).WithTimeout(20 * time.Second).Should(Succeed())
	}, SpecTimeout(3*time.Minute))

	DescribeTable("explains nothing, in a whole why, of a device that goes past the resolver", func(ctx SpecContext, resolver, reason string, hosts ...string) {
		f := newFlat(ctx)
		f.start(ctx, resolver, func(map[string]bool) bool { return true }, hosts...)
		code, stdout, stderr := f.needwant(ctx, "why", f.spec("", ""), "--only", file("list.txt", "0.0.0.0 ads.example\n"))
		Expect(code).To(Equal(3), stderr)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(ContainSubstring(reason))
	},
		Entry("to one that is built in", builtIn, "the device did not query this resolver", "cloud.example", "ads.example", SpecTimeout(time.Minute)),
		Entry("over TLS", flatMachine, "dns.google (encrypted DNS at Google)", "dns.google", SpecTimeout(time.Minute)),
	)

	It("says that the device may resolve a blocked name elsewhere", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.fallback = builtIn
		f.start(ctx, flatMachine, func(reached map[string]bool) bool { return reached["cloud.example"] }, "cloud.example", "ads.example")
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", ""), "--format", "md", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(And(ContainSubstring(harness.Blind), ContainSubstring("Perhaps the device resolves a name elsewhere when this resolver blocks it")))
	}, SpecTimeout(3*time.Minute))

	It("finds it with each fault that a resolver has, except for a name that is blocked always", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, flatMachine, func(reached map[string]bool) bool { return reached["cloud.example"] }, "cloud.example", "ads.example", "dns.google")
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", "faults: [refused, 'null'], always: [dns.google]"), "--format", "json", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(0), stderr)
		Expect(verdicts(stdout)).To(Equal(map[string]string{
			"dns/cloud.example status/refused": "required", "dns/ads.example status/refused": "optional",
			"dns/cloud.example status/null": "required", "dns/ads.example status/null": "optional",
		}))
	}, SpecTimeout(3*time.Minute))
})

var _ = Describe("placement dns", Label("root"), func() {
	BeforeEach(withoutSetpriv)
	works := func(map[string]bool) bool { return true }

	It("ends without a verdict if the device has a built-in resolver", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, builtIn, works, "cloud.example")
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", ""), "--format", "json", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(3), stderr)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(ContainSubstring("the device did not query this resolver"))
	}, SpecTimeout(time.Minute))

	It("ends without a verdict if the device resolves names over TLS", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, flatMachine, works, "dns.google") // and all others there
		code, stdout, stderr := f.needwant(ctx, "bisect", f.spec("", ""), "--format", "json", "--out", filepath.Join(f.folder, "plug.run"))
		Expect(code).To(Equal(3), stderr)
		Expect(stdout).To(BeEmpty())
		Expect(stderr).To(And(ContainSubstring("dns.google (encrypted DNS at Google)"), ContainSubstring("always: [dns.google]")))
	}, SpecTimeout(time.Minute))

	It("goes on answering when needwant is killed, until the next one or restore", func(ctx SpecContext) {
		f := newFlat(ctx)
		spec := f.spec("", "always: [ads.example]")
		answered := func(name string) func() error {
			return func() error { _, _, err := lookUp(ctx, f.device, flatMachine, name); return err }
		}
		command := f.command(ctx, "gateway", spec)
		Expect(command.Start()).To(Succeed())
		Eventually(answered("cloud.example")).WithTimeout(20 * time.Second).Should(Succeed())
		Eventually(answered("ads.example")).WithTimeout(20 * time.Second).Should(MatchError("NXDOMAIN"))
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait() // it was killed
		Eventually(answered("ads.example")).WithTimeout(20 * time.Second).Should(Succeed())
		_, kept, err := lookUp(ctx, f.device, flatMachine, "cloud.example")
		Expect(err).NotTo(HaveOccurred())
		Expect(kept).To(Equal(time.Second), "the next experiment sees its queries")
		_, kept, err = lookUp(ctx, f.client, flatMachine, "cloud.example")
		Expect(err).NotTo(HaveOccurred())
		Expect(kept).To(Equal(time.Hour), "another client notices nothing")

		code, _, stderr := f.needwant(ctx, "observe", spec, "--for", "100ms")
		Expect(code).To(Equal(0), stderr)
		code, stdout, stderr := f.needwant(ctx, "restore")
		Expect(code).To(Equal(0), stderr)
		Expect(stdout).To(ContainSubstring("192.168.1.10:53"))
		Expect(answered("cloud.example")()).NotTo(Succeed())
	}, SpecTimeout(time.Minute))

	It("is examined: whether the device queries the machine, and what cannot be seen", func(ctx SpecContext) {
		f := newFlat(ctx)
		f.start(ctx, flatMachine, works, "cloud.example")
		code, stdout, stderr := f.needwant(ctx, "doctor", f.spec("", ""))
		Expect(code).To(Equal(0), stdout+stderr)
		Expect(stdout).To(And(ContainSubstring("queries this resolver, e.g. for cloud.example"), ContainSubstring("DNS over HTTPS")))
	}, SpecTimeout(time.Minute))
})

// asAnotherClient queries the machine from another host of the home, from when it
// answers. The function that it returns expects that every query got the router's
// answer, as it is.
func (f *flat) asAnotherClient(ctx context.Context) (expect func()) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var answers, strange int
	var last string
	var done sync.WaitGroup
	done.Go(func() {
		for life.Err() == nil {
			address, ttl, err := lookUp(life, f.client, flatMachine, "cloud.example")
			switch {
			case life.Err() != nil || err != nil && answers == 0: // it does not answer yet
			case err != nil || address != "198.51.100.7" || ttl != time.Hour:
				strange, last = strange+1, fmt.Sprint(address, ttl, err)
			default:
				answers++
			}
			select {
			case <-life.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	DeferCleanup(func() { end(); done.Wait() })
	return func() {
		GinkgoHelper()
		end()
		done.Wait()
		Expect(answers).To(BeNumerically(">", 10))
		Expect(strange).To(BeZero(), last)
	}
}
