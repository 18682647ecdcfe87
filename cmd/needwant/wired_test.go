package main_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// office is another machine in the home of a fleet, with the hub.
type office struct {
	machine *netns.Namespace
	folder  string
	hub     string // its directory
}

const officeAddress = "192.168.1.70"

func newOffice(ctx context.Context, f *fleet) *office {
	GinkgoHelper()
	o := &office{machine: netnstest.New(), folder: GinkgoT().TempDir()}
	o.hub = filepath.Join(o.folder, "hub")
	Expect(netns.Veth(netns.End{Namespace: f.machine, Name: "office"}, netns.End{Namespace: o.machine, Name: "eth0"})).To(Succeed())
	f.home.in(ctx, "ip link set office master lan")
	Expect(o.machine.AddAddress("eth0", netip.MustParsePrefix(officeAddress+"/24"))).To(Succeed())
	return o
}

// start runs the program there in the background, until the spec ends.
func (o *office) start(args ...string) (*netns.Command, *gbytes.Buffer) {
	GinkgoHelper()
	command, said := o.machine.Command(context.Background(), program, args...), gbytes.NewBuffer()
	command.Dir, command.Env, command.Stderr = o.folder, append(os.Environ(), "RUNTIME_DIRECTORY="+o.folder), said
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command, said
}

// credentials lets an agent in.
func (o *office) credentials(ctx context.Context, agent string) (flags []string) {
	GinkgoHelper()
	file := filepath.Join(o.folder, agent+".creds")
	added := needwant(ctx, "hub", "add", agent, "--dir", o.hub, "--out", file)
	Expect(added.Code).To(Equal(0), added.Stderr)
	return []string{"--hub", officeAddress + ":4222", "--creds", file}
}

// shows waits until the hub shows a line.
func (o *office) shows(ctx context.Context, line string) {
	GinkgoHelper()
	Eventually(func() string {
		output, _ := o.machine.Command(ctx, program, "hub", "status", "--dir", o.hub).Output()
		return string(output)
	}).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(MatchRegexp(line))
}

var _ = Describe("an agent with a hub, and devices that are wired to it", Label("root", "whole"), func() {
	It("returns them after a signal, and ends the experiment of one that was given to another agent", func(ctx SpecContext) {
		f := newFleet(ctx)
		f.device(ctx, 1, "lamp", "placement: onearm, uplink: lan")
		f.device(ctx, 2, "fan", "placement: nic, inside: fan, uplink: lan")
		o := newOffice(ctx, f)
		one := append(o.credentials(ctx, "one"), append([]string{"agent", "--order", "exact"}, f.specs...)...)
		two := o.credentials(ctx, "two")
		_, hub := o.start("hub", "--dir", o.hub, "--listen", officeAddress+":4222")
		Eventually(hub).WithContext(ctx).Should(gbytes.Say("The hub listens"))
		before := f.home.settled(ctx)

		By("ending it")
		command, said := f.home.start(ctx, one...)
		said.untilAll(ctx, "lamp: .* so far", "fan: .* so far")
		o.shows(ctx, `lamp .* onearm +one\b`)
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = command.Wait()
		}()
		Eventually(ended).WithContext(ctx).WithTimeout(time.Duration(len(f.specs)) * 5 * time.Second).Should(BeClosed())
		Expect(command.ProcessState.ExitCode()).To(Equal(130))
		f.home.expectAsBefore(ctx, before)
		o.shows(ctx, `lamp .*none \(one had it last\)`)
		o.shows(ctx, `fan .*none \(one had it last\)`)

		By("giving one of its devices away while it is cut off")
		command, said = f.home.start(ctx, one...)
		said.untilAll(ctx, "lamp: .* so far", "fan: .* so far")
		netnstest.Shell(ctx, o.machine, "iptables -A INPUT -s "+flatMachine+" -j DROP; iptables -A OUTPUT -d "+flatMachine+" -j DROP")
		o.shows(ctx, `one +no, last`)
		released, err := o.machine.Command(ctx, program, "hub", "release", "lamp", "--stopped", "--dir", o.hub).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(released))
		elsewhere := filepath.Join(o.folder, "lamp.yaml")
		Expect(os.WriteFile(elsewhere, []byte(`
apiVersion: needwant/v1
kind: Scenarios
device: {name: lamp, mac: "7c:49:eb:00:00:01", address: 192.168.90.10}
gateway: {placement: nic, inside: in0, uplink: eth0}
scenarios: {status: {steps: [{ping: {host: 192.168.90.10}}]}}
`), 0o600)).To(Succeed())
		netnstest.Shell(ctx, o.machine, "ip link add in0 type veth peer name in1; ip link set in1 up")
		other, _ := o.start(append([]string{"agent", elsewhere, "--wait", "1m"}, two...)...)
		o.shows(ctx, `lamp .* nic +two\b`)
		Expect(other.Process.Kill()).To(Succeed()) // so it does not return the device

		netnstest.Shell(ctx, o.machine, "iptables -F")
		said.untilAll(ctx, "lamp: .*lamp belongs to agent two now")
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		_ = command.Wait()
		Expect(command.ProcessState.ExitCode()).To(Equal(130))
		f.home.expectAsBefore(ctx, before)
		f.home.expectClean()
		o.shows(ctx, `lamp .* nic +two\b`)
		o.shows(ctx, `fan .*none \(one had it last\)`)
	}, SpecTimeout(4*time.Minute))
})
