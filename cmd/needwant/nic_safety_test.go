package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

var _ = Describe("the user's machine", Label("root"), func() {
	It("is as it was when needwant is killed at any step, and stays so when it is restored", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		for step := 2; step <= 9; step++ {
			command, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s", "--verbose")
			said.until(ctx, fmt.Sprintf("step %d:", step))
			Expect(command.Process.Kill()).To(Succeed())
			_ = command.Wait()
			h.expectAsBefore(ctx, before)
			restored := h.needwant(ctx, "restore")
			Expect(restored.Code).To(Equal(0), restored.Stderr)
			Expect(restored.Stdout).To(Equal("nothing to restore\n"))
			h.expectClean()
		}
	}, SpecTimeout(2*time.Minute))

	It("is as it was when needwant is killed at work, and another starts at once", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")
		Expect(h.in(ctx, "ip -br link")).NotTo(ContainSubstring("inside"))
		Expect(h.guardian(command.Process.Pid).Signal(syscall.SIGTERM)).To(Succeed()) // as systemd does, to all of a service
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()

		next, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")
		Expect(next.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(next.Wait()).To(Succeed())
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	It("is as it was when needwant is killed while it puts things back", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		for _, later := range []time.Duration{0, 5 * time.Millisecond, 15 * time.Millisecond, 40 * time.Millisecond} {
			command, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s")
			said.until(ctx, "the device is behind the gateway")
			Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
			pause(ctx, later)
			_ = command.Process.Kill() // it may have ended
			_ = command.Wait()
			h.expectAsBefore(ctx, before)
			Expect(h.needwant(ctx, "restore").Stdout).To(Equal("nothing to restore\n"))
			h.expectClean()
		}
	}, SpecTimeout(time.Minute))

	It("is as it was when needwant is killed while it has taken the device's link down", Label("whole"), func(ctx SpecContext) {
		carrier := make(chan func() bool, 1)
		h := newHomeOf(ctx, `apiVersion: needwant/v1
kind: World
name: plug
device: {model: some.plug.v1, firmware: "1.0", token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 110ms, patience: 3, poll: 220ms}
destinations:
  cloud: {host: cloud.plug.example, addresses: [203.0.113.10], protocol: udp, port: 8053}
  stats: {host: stats.plug.example, addresses: [203.0.113.13], protocol: tcp, port: 443, every: 12s}
functions: {control: cloud}
`, func(ctx context.Context, device *netns.Namespace, link string) {
			carrier <- func() bool {
				found, err := device.Netlink().LinkByName(link)
				return err == nil && found.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
			}
			join(ctx, device, link)
		})
		before, up := h.settled(ctx), <-carrier
		// A wait of 8 to 12 times settle is worth taking the link down, and not a new lease, which this device never asks for.
		command, said := h.start(ctx, "bisect", h.spec("settle: 600ms", "settle: 1200ms", "observe: 1s", "observe: 28s"), "--allow-actuation", "--wait", "30s")
		said.until(ctx, "control: nothing blocked")
		Eventually(up).WithContext(ctx).WithTimeout(160*time.Second).WithPolling(50*time.Millisecond).Should(BeFalse(), func() string {
			_ = command.Process.Kill()
			return "once a trial would wait for stats, but it said\n" + said.text()
		})
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		h.expectAsBefore(ctx, before)
		Eventually(up).WithContext(ctx).Should(BeTrue())
		h.expectClean()
	}, SpecTimeout(3*time.Minute))

	It("is as it was when needwant is killed with one link", func(ctx SpecContext) {
		h := newHome(ctx)
		h.oneWire(ctx)
		spec := h.spec("placement: nic, inside: inside, uplink: uplink", "placement: onearm, uplink: br0")
		h.serveDHCP(h.gatewayMAC(ctx, spec)) // the home router leaves the device to us
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", spec, "--wait", "30s")
		said.until(ctx, "waiting for the device")
		Expect(h.in(ctx, "ip -br link")).To(ContainSubstring("nw-"))
		Expect(command.Process.Kill()).To(Succeed())
		_ = command.Wait()
		h.expectAsBefore(ctx, before)
		Expect(h.needwant(ctx, "restore").Stdout).To(Equal("nothing to restore\n"))
		h.expectClean()
	}, SpecTimeout(time.Minute))

	DescribeTable("is as it was after a signal in an experiment", func(ctx SpecContext, signal syscall.Signal) {
		h := newHome(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "bisect", h.spec(), "--allow-actuation", "--wait", "30s")
		said.until(ctx, "control: nothing blocked")
		Expect(command.Process.Signal(signal)).To(Succeed())
		words := said.text()
		_ = command.Wait()
		Expect(command.ProcessState.ExitCode()).To(Equal(130))
		Expect(words).To(And(ContainSubstring("The network is as it was"), Not(ContainSubstring("; the network is as it was")), ContainSubstring("continue with: sudo -E needwant resume plug.run")))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	},
		Entry("interrupt", syscall.SIGINT, SpecTimeout(time.Minute)),
		Entry("terminate", syscall.SIGTERM, SpecTimeout(time.Minute)),
		Entry("hang up", syscall.SIGHUP, SpecTimeout(time.Minute)),
	)

	It("is as it was when the time or the budget is spent, and the run goes on from there", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		first := h.needwant(ctx, "bisect", h.spec(), "--allow-actuation", "--wait", "30s", "--for", "6s")
		Expect(first.Code).To(Equal(4), first.Stderr)
		resumed := h.needwant(ctx, "resume", "plug.run", "--budget", "4", "--wait", "30s")
		Expect(resumed.Code).To(Equal(4), resumed.Stderr)
		Expect(resumed.Stderr).To(ContainSubstring("going on after"))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	It("is told what would be changed, and nothing is", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.spec(), "--allow-actuation", "--dry-run")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(MatchRegexp(` 4  move inside into the namespace  \(changes the machine\)`))
		h.expectAsBefore(ctx, before)
	}, SpecTimeout(30*time.Second))

	It("is told what would be changed without the passphrase of the Wi-Fi, of which the doctor says once that it is missing", func(ctx SpecContext) {
		h := newHome(ctx)
		spec := h.spec("uplink: uplink", "uplink: uplink, ssid: things, passphrase: env:WIFI_PASSPHRASE", "placement: nic", "placement: ap")
		run := h.needwant(ctx, "bisect", spec, "--allow-actuation", "--dry-run")
		Expect(run.Stdout).To(ContainSubstring(`open the Wi-Fi "things" there`))
		Expect(run.Stderr).To(And(ContainSubstring("inside is not a Wi-Fi link"), Not(ContainSubstring("WIFI_PASSPHRASE"))))
		doctor := h.needwant(ctx, "doctor", spec)
		Expect(doctor.Code).To(Equal(3))
		Expect(strings.Count(doctor.Stdout+doctor.Stderr, "the environment has no WIFI_PASSPHRASE")).To(Equal(1), doctor.Stdout)
	}, SpecTimeout(2*time.Minute))

	It("is as it was when abort_if comes true", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.spec("scenarios:\n", "abort_if: trials >= 1\nscenarios:\n"), "--allow-actuation", "--wait", "30s")
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(run.Stderr).To(MatchRegexp(`abort_if: trials >= 1 came true after \d trial`))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	It("is not touched when a secret is missing", func(ctx SpecContext) {
		h := newHome(ctx)
		run := h.needwant(ctx, "bisect", h.spec("env:PLUG_TOKEN", "env:NO_TOKEN"), "--allow-actuation")
		Expect(run.Code).To(Equal(3))
		Expect(run.Stderr).To(And(ContainSubstring("the environment has no NO_TOKEN"), Not(ContainSubstring("putting the device"))))
		h.expectClean()
	}, SpecTimeout(time.Minute))

	It("runs one needwant on a device, of 20 that start at once", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		command, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s", "--verbose")
		said.until(ctx, "step 2:")
		spec := h.spec()
		var all sync.WaitGroup
		refused := make(chan ended, 19)
		for range cap(refused) {
			all.Go(func() {
				defer GinkgoRecover()
				refused <- h.needwant(ctx, "gateway", spec, "--wait", "30s")
			})
		}
		all.Wait()
		close(refused)
		for run := range refused {
			Expect(run.Code).To(Equal(3))
			Expect(run.Stderr).To(ContainSubstring(fmt.Sprintf("another needwant (process %d) already runs on device 7c:49:eb:00:00:01", command.Process.Pid)))
		}
		said.until(ctx, "the device is behind the gateway")
		Expect(h.needwant(ctx, "restore").Stdout).To(ContainSubstring("in use by process"))
		Expect(command.Process.Signal(syscall.SIGINT)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(time.Minute))

	DescribeTable("is left alone, with the reason and the remedy, when", func(ctx SpecContext, begun bool, says string, changes ...string) {
		h := newHome(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.spec(changes...), "--allow-actuation", "--wait", "10s")
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(run.Stdout).To(BeEmpty())
		Expect(strings.Join(strings.Fields(run.Stderr), " ")).To(ContainSubstring(says))
		Expect(strings.Contains(run.Stderr, "The network is as it was.")).To(Equal(begun), run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
		Expect(h.folder + "/plug.run").NotTo(BeAnExistingFile())
	},
		Entry("the link does not exist", true, "this machine has no interface eth7, but ", "inside: inside", "inside: eth7", SpecTimeout(time.Minute)),
		Entry("the uplink does not exist", true, "this machine has no interface eth8, but ", "uplink: uplink", "uplink: eth8", SpecTimeout(time.Minute)),
		Entry("the links are the wrong way round", true, "are inside and uplink the wrong way round?",
			"inside: inside, uplink: uplink", "inside: uplink, uplink: inside", SpecTimeout(time.Minute)),
		Entry("the device is not there", true, "the device did not show up at 192.168.50.77", "192.168.50.10", "192.168.50.77",
			"7c:49:eb:00:00:01", "7c:49:eb:00:00:99", SpecTimeout(time.Minute)),
		Entry("it is another device", true, "which is not the device", "7c:49:eb:00:00:01", "7c:49:eb:00:00:99", SpecTimeout(time.Minute)),
		Entry("the device's address lies in the home network", true, "overlap", "192.168.50.10", "192.168.1.77", SpecTimeout(time.Minute)),
		Entry("the token is wrong", true, "extract it again, it changes with pairing", "env:PLUG_TOKEN", "env:WRONG_TOKEN", SpecTimeout(time.Minute)),
		Entry("a Wi-Fi is asked of a link with a cable", true, "inside is not a Wi-Fi link, which placement ap needs",
			"uplink: uplink", "uplink: uplink, ssid: things, passphrase: env:PLUG_TOKEN", "placement: nic", "placement: ap", SpecTimeout(time.Minute)),
		Entry("the passphrase of the Wi-Fi is missing", false, "the passphrase of the Wi-Fi: the environment has no WIFI_PASSPHRASE",
			"uplink: uplink", "uplink: uplink, ssid: things, passphrase: env:WIFI_PASSPHRASE", "placement: nic", "placement: ap", SpecTimeout(time.Minute)),
	)
})

// guardian is that of a running program.
func (h *home) guardian(program int) *os.Process {
	GinkgoHelper()
	for _, found := range marked("RUNTIME_DIRECTORY=" + h.runtime) {
		pid, err := strconv.Atoi(filepath.Base(found))
		Expect(err).NotTo(HaveOccurred())
		if pid != program {
			process, err := os.FindProcess(pid)
			Expect(err).NotTo(HaveOccurred())
			return process
		}
	}
	Fail("there is no guardian")
	return nil
}

// start runs the program on the machine in the background.
func (h *home) start(ctx context.Context, args ...string) (*netns.Command, *speech) {
	GinkgoHelper()
	command := h.command(ctx, args...)
	output, err := command.StderrPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	said := &speech{lines: make(chan string, 1000)}
	go said.listen(output)
	return command, said
}

// speech is what a program says, line by line.
type speech struct {
	lines chan string
	all   []string
}

func (s *speech) listen(output io.Reader) {
	defer close(s.lines)
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		s.lines <- scanner.Text()
	}
}

// until waits for a line that holds the words.
func (s *speech) until(ctx context.Context, words string) {
	GinkgoHelper()
	for {
		select {
		case <-ctx.Done():
			Fail("never said " + words + ", but\n" + strings.Join(s.all, "\n"))
		case line, more := <-s.lines:
			Expect(more).To(BeTrue(), "never said %s, but\n%s", words, strings.Join(s.all, "\n"))
			s.all = append(s.all, line)
			if strings.Contains(line, words) {
				return
			}
		}
	}
}

// text is all that is said, to the end.
func (s *speech) text() string {
	for line := range s.lines {
		s.all = append(s.all, line)
	}
	return strings.Join(s.all, "\n")
}
