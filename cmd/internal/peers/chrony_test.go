//go:build e2e

package peers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/netnstest"
)

// clockWorld is the internet of a clock that has three servers.
const clockWorld = `
apiVersion: needwant/v1
kind: World
name: clock
device: {model: some.clock.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 1s}
destinations:
  one:   {addresses: [203.0.113.11], protocol: udp, port: 123}
  two:   {addresses: [203.0.113.12], protocol: udp, port: 123}
  three: {addresses: [203.0.113.13], protocol: udp, port: 123}
`

// clockConfig has chronyd ask every second. Eight requests without an answer make a
// server unreachable. One later it uses another, if there is one: 10 s after the
// block began. DIR is its directory.
const clockConfig = `
server 203.0.113.11 iburst minpoll 0 maxpoll 0 maxunreach 1
server 203.0.113.12 iburst minpoll 0 maxpoll 0 maxunreach 1
server 203.0.113.13 iburst minpoll 0 maxpoll 0 maxunreach 1
port 0
cmdport 0
bindcmdaddress DIR/chronyd.sock
pidfile DIR/chronyd.pid
`

// clockSpec demands that the clock has been compared with a server in the last
// seconds. Its settle is shorter than the change to another server takes.
const clockSpec = `
apiVersion: needwant/v1
kind: Scenarios
device: {name: clock, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: inside, uplink: uplink}
block: {faults: [reject], keep: [dhcp, dns], stand_ins: [ntp]}
timing: {settle: 7s, recover: 40s, observe: 6s}
scenarios:
  time:
    title: Is the clock right?
    steps:
      - exec:
          command:
            - sh
            - -ec
            - compared=$(CHRONYC -u root -h DIR/chronyd.sock -c tracking | cut -d, -f4); test $(($(date +%s) - ${compared%.*})) -le 4
`

var _ = Describe("a chronyd with several servers", Label("e2e"), func() {
	It("stalls while the server in use is blocked, needs none of them, and is content with another", func(ctx SpecContext) {
		world, err := lab.Parse("clock.yaml", []byte(clockWorld))
		Expect(err).NotTo(HaveOccurred())
		l, err := lab.Start(ctx, world, lab.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		spec := clock(l)
		run := bisect(ctx, l, spec)
		for _, result := range run.Results {
			fmt.Fprintf(GinkgoWriter, "%d %v: %v\n", result.Trial.Number, result.Trial.Block, result.Outcomes)
		}
		stalled := HaveField("Outcomes", HaveKeyWithValue("time", HaveField("Transient", Not(BeNil()))))
		Expect(run.Results).To(ContainElement(stalled))
		found := table(run)["time"]
		Expect(found.Cells).To(HaveLen(3))
		Expect(found.Cells).NotTo(ContainElement("required"))
		Expect(found.Cuts).To(Equal([]string{"udp/123/203.0.113.11 udp/123/203.0.113.12 udp/123/203.0.113.13"}))

		judgement := harness.Judge(run)
		Expect(judgement.Columns[0].Cells).To(HaveEach(HaveField("Replaceable", HaveExactElements(harness.TimeServer))))
		Expect(judgement.Outside).To(HaveExactElements(HaveField("Left", BeEmpty())))
	}, SpecTimeout(10*time.Minute))
})

// clock runs chronyd in the place of the lab's device, and returns a spec for it.
// It never sets this machine's clock.
func clock(l *lab.Lab) (spec string) {
	GinkgoHelper()
	release, err := filepath.Abs("../../../.cache/peers/next/usr")
	Expect(err).NotTo(HaveOccurred())
	directory := GinkgoT().TempDir()
	Expect(os.Chmod(directory, 0o700)).To(Succeed()) // as chronyd demands
	config := written("chrony.conf", strings.ReplaceAll(clockConfig, "DIR", directory))
	runUntilTheEnd(l.VacateDevice(), filepath.Join(release, "sbin/chronyd"), "-d", "-x", "-u", "root", "-f", config)
	return written("clock.yaml", strings.NewReplacer("DIR", directory, "CHRONYC", filepath.Join(release, "bin/chronyc")).Replace(clockSpec))
}

// runUntilTheEnd runs a program in a namespace until the spec ends.
func runUntilTheEnd(namespace *netns.Namespace, name string, args ...string) {
	GinkgoHelper()
	program := namespace.Command(context.Background(), name, args...)
	program.Stdout, program.Stderr = GinkgoWriter, GinkgoWriter
	Expect(program.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait() // it was killed
	})
}

// bisect runs the program on the user's machine, which is in the place of the
// lab's gateway.
func bisect(ctx context.Context, l *lab.Lab, spec string) harness.Run {
	GinkgoHelper()
	netnstest.Shell(ctx, l.Gateway.Namespace, "ip address del 192.168.1.2/24 dev uplink")
	run, _ := bisectAtHome(ctx, l.App, l.Gateway.Namespace, l.Gateway.Upstream.Addr(), spec)
	return run
}

// bisectAtHome runs the program on a machine in a home network. It returns the run, and what was
// printed. The home router, at eth0, gives the program's gateway an address.
func bisectAtHome(ctx context.Context, router, machine *netns.Namespace, resolver netip.Addr, spec string) (run harness.Run, printed string) {
	GinkgoHelper()
	program, err := gexec.Build("github.com/needwant/needwant/cmd/needwant")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(gexec.CleanupBuildArtifacts)
	netnstest.Shell(ctx, machine, `
		ip address add 192.168.1.3/24 dev uplink
		ip route add default via 192.168.1.1`)
	server, err := dhcp.Serve(router, "eth0", nil, dhcp.Lease{
		Address: netip.MustParsePrefix("192.168.1.2/24"), Router: netip.MustParseAddr("192.168.1.1"), Resolver: resolver,
	}, nil)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)

	out := filepath.Join(GinkgoT().TempDir(), "bisect.run")
	command := machine.Command(ctx, program, "bisect", spec, "--out", out, "--wait", "1m")
	command.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+GinkgoT().TempDir())
	var text bytes.Buffer
	command.Stdout, command.Stderr = io.MultiWriter(&text, GinkgoWriter), GinkgoWriter
	Expect(command.Run()).To(Succeed())
	run, err = runfile.Load(context.Background(), out)
	Expect(err).NotTo(HaveOccurred())
	return run, text.String()
}
