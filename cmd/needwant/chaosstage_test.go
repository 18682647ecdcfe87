package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
)

// stage is a run under way, as chaos sees it.
type stage struct {
	world       lab.World
	fault       harness.Fault
	home        *home // nil on a lab
	command     *netns.Command
	stdout      *chatter
	stderr      *chatter
	over        chan struct{} // closed when the program has ended
	file        string        // the run file
	disk        string        // the folder of the run file if that is a file system of its own; "" otherwise
	diskFolder  *os.File      // keeps that file system when the program has ended
	before      []string      // the machine's state; nil on a lab
	territories []*territory
	found       bool // the gateway's namespace
}

// chatter is what a program writes. It can be read before the program ends.
type chatter struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (c *chatter) Write(text []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.text.Write(text)
}

func (c *chatter) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.text.String()
}

// chaosWorld has a required destination, two alternatives and an optional one. Its
// device says at once that something does not work, so that a run takes half as
// long.
func chaosWorld(placement string) string {
	contact := min(max(80*time.Millisecond, 4*lateness()), 200*time.Millisecond)
	text := strings.NewReplacer("functions:", "failure: error\nfunctions:").Replace(plugWorld)
	if placement == "lab" { // the others have a spec with times of its own, and let no IPv6 through
		text = strings.NewReplacer("contact: 110ms", "contact: "+contact.String(), "poll: 220ms", "poll: "+(2*contact).String(),
			"[203.0.113.13]", `[203.0.113.13, "2001:db8::13"]`).Replace(text)
	}
	return text
}

// lateness is the longest by which a goroutine woke up too late, of a few dozen.
func lateness() (longest time.Duration) {
	const nap = 5 * time.Millisecond
	for range 40 {
		due := time.Now().Add(nap)
		<-time.After(nap)
		longest = max(longest, time.Since(due))
	}
	return longest.Round(time.Millisecond)
}

// newStage starts the run of an ordeal.
func newStage(ctx context.Context, o *ordeal) *stage {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	s := &stage{fault: o.fault, over: make(chan struct{}), stderr: &chatter{}, stdout: &chatter{}, file: filepath.Join(folder, "chaos.run")}
	text := chaosWorld(o.placement)
	var err error
	s.world, err = lab.Parse("chaos.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	args := []string{"lab", file("chaos.yaml", text), "--fault", string(o.fault)}
	prepare := ownCommand
	if o.placement != "lab" {
		s.home = newHomeOf(ctx, text, join)
		prepare = s.home.prepare
		args = []string{"bisect", s.place(ctx, o), "--allow-actuation", "--order", "exact", "--wait", "10s", "--verbose"}
		s.before = s.home.settled(ctx)
		machine := &territory{name: "the machine", Namespace: s.home.machine}
		Expect(machine.note(ctx)).To(Succeed())
		s.territories = append(s.territories, machine)
	}
	if o.kind == "disk" {
		s.disk = filepath.Join(folder, "disk")
		Expect(os.Mkdir(s.disk, 0o700)).To(Succeed())
		s.file = filepath.Join(s.disk, "chaos.run")
	}
	args = append(args, "--driver", o.driver, "--json", "--out", s.file)
	if s.disk != "" {
		script := fmt.Sprintf(`mount -t tmpfs -o size=4m tmpfs %s && exec %s "$@"`, s.disk, program)
		s.command = prepare(ctx, "unshare", append([]string{"--mount", "sh", "-ec", script, "sh"}, args...)...)
	} else {
		s.command = prepare(ctx, program, args...)
	}
	s.start()
	return s
}

// ownCommand prepares a run of a program outside of any lab.
func ownCommand(ctx context.Context, name string, args ...string) *netns.Command {
	GinkgoHelper()
	own, err := netns.Own()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(own.Close)
	command := own.Command(ctx, name, args...)
	command.Env = os.Environ()
	return command
}

// place prepares the machine for a placement, and writes the spec.
func (s *stage) place(ctx context.Context, o *ordeal) string {
	GinkgoHelper()
	changes := []string{
		"faults: [reject]", fmt.Sprintf("faults: [%s]", o.fault),
		"settle: 600ms", "settle: 1s", // three times as long as the device takes to notice: many of these run side by side
	}
	switch o.placement {
	case "host":
		s.home.asRouter(ctx)
		return s.home.hostSpec(changes...)
	case "onearm":
		s.home.oneWire(ctx)
		spec := s.home.spec(append(changes, "placement: nic, inside: inside, uplink: uplink", "placement: onearm, uplink: br0")...)
		s.home.serveDHCP(s.home.gatewayMAC(ctx, spec))
		return spec
	}
	return s.home.spec(changes...)
}

func (s *stage) start() {
	GinkgoHelper()
	s.command.Stdout, s.command.Stderr = s.stdout, s.stderr
	s.command.Env = append(s.command.Env, "GOTRACEBACK=all")
	s.command.WaitDelay = 5 * time.Second // a child of the program may have its output
	Expect(s.command.Start()).To(Succeed())
	go func() {
		_ = s.command.Wait() // what it came to is judged later
		close(s.over)
	}()
	DeferCleanup(func() {
		_ = s.command.Process.Kill() // it may have ended
		<-s.over
		s.leave()
	})
}

// leave gives up the namespaces that were entered from outside.
func (s *stage) leave() {
	for _, t := range s.territories {
		if s.home == nil || t.Namespace != s.home.machine {
			_ = t.Close()
		}
	}
	s.territories = nil
}

func (s *stage) pid() int { return s.command.Process.Pid }

func (s *stage) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// scout looks for the gateway's own namespace, if it has one and that was not found
// yet.
func (s *stage) scout(ctx context.Context) {
	GinkgoHelper()
	if s.found {
		return
	}
	if s.home != nil && strings.Contains(s.stderr.String(), "step 2:") && s.placementIsHost() {
		s.found = true
		return
	}
	for _, namespace := range namespacesIn(s.pid(), s.machine()) {
		if s.found || !s.isGateway(namespace) {
			_ = namespace.Close()
			continue
		}
		gateway := &territory{name: "the gateway", Namespace: namespace}
		Expect(gateway.noteEmpty(ctx)).To(Succeed())
		s.territories = append(s.territories, gateway)
		s.found = true
	}
}

func (s *stage) placementIsHost() bool {
	return strings.Contains(s.stderr.String(), "note in ") && strings.Contains(s.stderr.String(), "which tables of iptables there are")
}

// machine is the namespace that the program was started in; nil is the one of the
// specs.
func (s *stage) machine() *netns.Namespace {
	if s.home == nil {
		return nil
	}
	return s.home.machine
}

// isGateway reports whether a namespace of the program is the gateway's: on a
// machine it is the only one; on a lab it has both links.
func (s *stage) isGateway(namespace *netns.Namespace) bool {
	if s.home != nil {
		return true
	}
	_, inside := namespace.Netlink().LinkByName("inside")
	_, uplink := namespace.Netlink().LinkByName("uplink")
	return inside == nil && uplink == nil
}

// internet is the namespace with everything that is beyond the home's router.
func (s *stage) internet() (found *netns.Namespace) {
	GinkgoHelper()
	process := s.pid()
	if s.home != nil {
		process = os.Getpid()
	}
	for _, namespace := range namespacesIn(process, nil) {
		_, err := namespace.Netlink().LinkByName("home")
		if err != nil || found != nil {
			_ = namespace.Close()
			continue
		}
		found = namespace
	}
	return found
}

// namespacesIn opens the network namespaces that a process holds besides the one that
// it was started in, nil for the one of the specs. The process itself may be in
// another for a moment.
func namespacesIn(pid int, startedIn *netns.Namespace) (found []*netns.Namespace) {
	place := "/proc/thread-self/ns/net" // a thread that no namespace holds is in the one of the specs
	if startedIn != nil {
		place = fmt.Sprintf("/proc/self/fd/%d", startedIn.FD())
	}
	own, err := os.Readlink(place)
	Expect(err).NotTo(HaveOccurred())
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	Expect(err).NotTo(HaveOccurred())
	known := []string{own}
	for _, descriptor := range descriptors {
		target, err := os.Readlink(descriptor)
		if err != nil || !strings.HasPrefix(target, "net:[") || slices.Contains(known, target) {
			continue
		}
		known = append(known, target)
		opened, err := os.Open(descriptor)
		if err != nil {
			continue
		}
		if namespace, err := netns.Adopt(opened); err == nil {
			found = append(found, namespace)
		}
	}
	return found
}

// began is the number of trials that have begun.
func (s *stage) began() int { return strings.Count(s.stdout.String(), `"event":"began"`) }

// possessions lists everything that the gateway owns now.
func (s *stage) possessions(ctx context.Context) (all []possession, err error) {
	s.scout(ctx)
	for _, t := range s.territories {
		some, err := t.survey(ctx, s.pid())
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	all = append(all, s.children()...)
	return append(all, s.files()...), nil
}

// children lists the processes that the program has started.
func (s *stage) children() (found []possession) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		head, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 || fields[1] != strconv.Itoa(s.pid()) || fields[0] == "Z" {
			continue
		}
		number, name, _ := strings.Cut(head, " (")
		pid, err := strconv.Atoi(number)
		if err != nil || slices.Contains(passing, name) {
			continue
		}
		found = append(found, possession{"child process", name, []breakage{
			{how: "killed", do: signalling(pid, killed)},
			{how: "stopped", do: signalling(pid, stopped), undo: signalling(pid, continued), foreign: true},
		}})
	}
	return found
}

// passing are programs that end at once, so that they are not owned.
var passing = []string{"iptables-nft", "ip6tables-nft", "xtables-nft-mul"}

// files lists what the program keeps on the machine while it runs.
func (s *stage) files() (found []possession) {
	if s.home == nil {
		return nil
	}
	names, _ := filepath.Glob(s.home.runtime + "/*") // the pattern is right
	for _, name := range names {
		found = append(found, possession{"file", filepath.Ext(name), []breakage{
			{how: "removed", do: func(context.Context) error { return os.Remove(name) }},
			{how: "cut to nothing", do: func(context.Context) error { return os.Truncate(name, 0) }},
		}})
	}
	return found
}
