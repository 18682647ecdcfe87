package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
)

// station is a machine with one program on it.
type station struct {
	*laboratory
	machine   *netns.Namespace
	marker    string // in the environment of its processes
	port      string // of the switch
	address   string
	folder    string
	program   string
	arguments []string

	command *netns.Command
	said    *gbytes.Buffer
	ended   chan struct{}
}

// station adds a machine.
func (l *laboratory) station(ctx context.Context) *station {
	GinkgoHelper()
	l.ports++
	s := &station{
		laboratory: l, machine: netnstest.New(), folder: GinkgoT().TempDir(),
		program: program, marker: fmt.Sprintf("NEEDWANT_STATION=%d-%d", os.Getpid(), rand.Uint64()), port: fmt.Sprintf("port%d", l.ports), address: fmt.Sprintf("10.78.0.%d", l.ports),
	}
	Expect(netns.Veth(netns.End{Namespace: l.wire, Name: s.port}, netns.End{Namespace: s.machine, Name: "eth0"})).To(Succeed())
	netnstest.Shell(ctx, l.wire, "ip link set "+s.port+" master switch")
	Expect(s.machine.AddAddress("eth0", netip.PrefixFrom(netip.MustParseAddr(s.address), 24))).To(Succeed())
	return s
}

// start starts the program.
func (s *station) start() {
	GinkgoHelper()
	s.command = s.machine.Command(context.Background(), s.program, s.arguments...)
	s.command.Dir = s.folder
	s.command.Env = append(os.Environ(), s.marker, "RUNTIME_DIRECTORY="+s.folder)
	s.said = gbytes.NewBuffer()
	s.command.Stdout, s.command.Stderr = s.said, s.said
	Expect(s.command.Start()).To(Succeed())
	s.ended = make(chan struct{})
	command, ended := s.command, s.ended
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	DeferCleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})
}

// end waits for the program to end, and expects an exit code.
func (s *station) end(ctx context.Context, code int) {
	GinkgoHelper()
	Eventually(s.ended).WithContext(ctx).Should(BeClosed())
	Expect(s.command.ProcessState.ExitCode()).To(Equal(code), string(s.said.Contents()))
}

// complete waits until all runs of an agent are complete. One that ended since this machine was too
// busy to judge a trial is continued.
func (s *station) complete(ctx context.Context) {
	GinkgoHelper()
	for {
		Eventually(s.ended).WithContext(ctx).Should(BeClosed())
		if s.command.ProcessState.ExitCode() == 0 {
			return
		}
		Expect(string(s.said.Contents())).To(ContainSubstring("this machine was too busy"))
		s.start()
	}
}

// kill kills the program, and expects it to leave nothing behind.
func (s *station) kill(ctx context.Context) {
	GinkgoHelper()
	namespaces := namespacesOf(marked(s.marker))
	machine, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", s.command.Process.Pid))
	Expect(err).NotTo(HaveOccurred())
	delete(namespaces, machine) // the spec itself holds it
	Expect(s.command.Process.Kill()).To(Succeed())
	Eventually(s.ended).WithContext(ctx).Should(BeClosed())
	s.gone(ctx, namespaces)
}

// gone expects no process and no namespace to be left.
func (s *station) gone(ctx context.Context, namespaces map[string]uint64) {
	GinkgoHelper()
	Eventually(func() []string { return marked(s.marker) }).WithContext(ctx).WithTimeout(5*time.Second).Should(BeEmpty(), "processes")
	Eventually(func() []string { return holders(namespaces) }).WithContext(ctx).WithTimeout(5*time.Second).Should(BeEmpty(), "who keeps a namespace alive")
}

// says waits until the program says something.
func (s *station) says(ctx context.Context, text string) {
	GinkgoHelper()
	Eventually(s.said).WithContext(ctx).WithTimeout(time.Minute).Should(gbytes.Say(text))
}
