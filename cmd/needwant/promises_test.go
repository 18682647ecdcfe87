package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns"
)

// What docs/promises.md says is proved here a few times with every change, and
// as often as it says there by make torture.
var _ = Describe("the promise", Label("root"), func() {
	often := func(text string, few, many int, limit time.Duration, prove func(ctx SpecContext, times int)) {
		It(text, func(ctx SpecContext) { prove(ctx, few) }, SpecTimeout(limit))
		for part := range tortures {
			It(fmt.Sprintf("%s, part %d of %d of the long proof", text, part+1, tortures), Label("slow"),
				func(ctx SpecContext) { prove(ctx, many/tortures) }, SpecTimeout(2*time.Hour))
		}
	}

	often("that nothing is touched but what is ours, beside the rules of others", 2, 1000, 2*time.Minute, func(ctx SpecContext, times int) {
		h := newHome(ctx)
		h.neighbours(ctx)
		h.cycle(ctx, times, h.spec(), func() {})
	})

	often("that nothing is touched but what is ours on the user's router, and its owner stays logged in", 1, 1000, 2*time.Minute, func(ctx SpecContext, times int) {
		h := newHome(ctx)
		h.asRouter(ctx)
		h.cycle(ctx, times, h.hostSpec(), h.session(ctx))
	})

	often("that SIGKILL at any step leaves nothing, and restoring twice does nothing", 1, 20, 4*time.Minute, func(ctx SpecContext, times int) {
		h := newHome(ctx)
		h.neighbours(ctx)
		before := h.resting(ctx)
		random := rand.New(rand.NewPCG(1, uint64(GinkgoRandomSeed())))
		for range times {
			for step := 2; step <= 9; step++ {
				command, said := h.start(ctx, "gateway", h.spec(), "--wait", "30s", "--verbose")
				said.until(ctx, fmt.Sprintf("step %d:", step))
				h.killAll(command)
				h.killInRestore(ctx, time.Duration(random.IntN(60))*time.Millisecond)
				restored := h.needwant(ctx, "restore")
				Expect(restored.Code).To(Equal(0), restored.Stderr)
				h.expectWhole(ctx, before)
				Expect(h.needwant(ctx, "restore").Stdout).To(Equal("nothing to restore\n"))
				h.expectClean()
			}
		}
	})

	often("that a signal at any moment leaves the network as it was and the run file whole", 3, 500, 3*time.Minute, func(ctx SpecContext, times int) {
		h := newHome(ctx)
		h.neighbours(ctx)
		before := h.resting(ctx)
		random := rand.New(rand.NewPCG(2, uint64(GinkgoRandomSeed())))
		signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
		for i := range times {
			out := fmt.Sprintf("signal%d.run", i)
			command, said := h.start(ctx, "bisect", h.spec(), "--allow-actuation", "--wait", "30s", "--verbose", "--out", out)
			said.until(ctx, "step 2:")
			pause(ctx, time.Duration(random.IntN(8000))*time.Millisecond)
			Expect(command.Process.Signal(signals[i%len(signals)])).To(Succeed())
			words := said.text()
			_ = command.Wait()
			Expect(command.ProcessState.ExitCode()).To(Equal(130), words)
			h.expectWhole(ctx, before)
			h.expectClean()
			h.expectKept(out, words)
		}
	})

	It("that a panic leaves the network as it was and the run file whole, and prints no secret", func(ctx SpecContext) {
		h := newHome(ctx)
		h.neighbours(ctx)
		before := h.resting(ctx)
		command := h.prepare(ctx, panicking(), "bisect", h.spec(), "--allow-actuation", "--wait", "30s", "--out", "panic.run")
		command.Env = append(command.Env, "GOTRACEBACK=system") // as much as a crash can print
		run := end(command.Cmd, command.Run)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(And(ContainSubstring("panic: as the spec wants"), ContainSubstring("\ngoroutine 1 ")))
		for _, secret := range slices.Concat(forms(h.Device.Token), forms(h.Assistant.Token)) {
			Expect(bytes.Contains([]byte(run.Stderr), secret)).To(BeFalse(), "the crash prints %q", secret)
		}
		h.expectWhole(ctx, before)
		Eventually(func() ([]string, error) { return filepath.Glob(h.runtime + "/*") }).WithContext(ctx).Should(BeEmpty(), "the guardian is done")
		kept, err := runfile.Load(context.Background(), filepath.Join(h.folder, "panic.run"))
		Expect(err).NotTo(HaveOccurred())
		Expect(kept.Results).To(HaveLen(3))
		Expect(kept.Status).To(Equal(harness.Running), "to be gone on with")
	}, SpecTimeout(3*time.Minute))

	It("that a clock which jumps by a year, to and fro, does no harm", Label("slow"), func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.resting(ctx)
		run := h.run(ctx, jumping(), "bisect", h.spec(), "--allow-actuation", "--order", "exact", "--wait", "30s")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectWhole(ctx, before)
		h.expectClean()
		h.expectTruth("plug.run")
		kept, err := runfile.Load(context.Background(), filepath.Join(h.folder, "plug.run"))
		Expect(err).NotTo(HaveOccurred())
		years := map[int]bool{}
		for _, result := range kept.Results {
			years[result.Started.Year()] = true
			Expect(result.Held).To(BeNumerically("~", time.Second, 10*time.Second))
			Expect(result.Duration).To(BeNumerically(">=", result.Held))
		}
		Expect(len(years)).To(BeNumerically(">=", 2), "it did jump")
	}, SpecTimeout(15*time.Minute))

	DescribeTable("that a disk that cannot be written to ends a run with the network open and a clear error:", func(ctx SpecContext, mount, says string) {
		h := newHome(ctx)
		h.neighbours(ctx)
		before := h.resting(ctx)
		disk := GinkgoT().TempDir()
		script := fmt.Sprintf(`mount -t tmpfs -o %s tmpfs %s && exec %s bisect %s --allow-actuation --wait 30s --out %s/full.run`,
			mount, disk, program, h.spec(), disk)
		run := h.run(ctx, "unshare", "--mount", "sh", "-ec", script)
		Expect(run.Code).To(Equal(3), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring(says))
		h.expectWhole(ctx, before)
		h.expectClean()
	},
		Entry("full", "size=64k", "full.run continues the run", SpecTimeout(2*time.Minute)),
		Entry("read-only", "ro", "full.run cannot be written", SpecTimeout(time.Minute)),
	)

	often("that only one of several needwants that start at once works with a device", 20, 1000, 2*time.Minute, func(ctx SpecContext, times int) {
		h := newHome(ctx)
		before := h.resting(ctx)
		spec := h.spec()
		var all sync.WaitGroup
		ends := make(chan ended, times)
		said := gbytes.NewBuffer()
		life, end := context.WithCancel(ctx)
		defer end()
		for range times {
			all.Go(func() {
				defer GinkgoRecover()
				ends <- h.until(life, said, "gateway", spec, "--wait", "60s")
			})
		}
		for range times - 1 {
			var refused ended
			Eventually(ends).WithContext(ctx).Should(Receive(&refused))
			Expect(refused.Code).To(Equal(3), refused.Stderr)
			Expect(refused.Stderr).To(MatchRegexp(`another needwant (\(process \d+\) )?already runs on device 7c:49:eb:00:00:01: stop it, or wait`))
		}
		Eventually(said).WithContext(ctx).Should(gbytes.Say("the device is behind the gateway"))
		end()
		all.Wait()
		winner := <-ends
		Expect(winner.Code).To(Equal(0), winner.Stderr)
		h.expectWhole(ctx, before)
		h.expectClean()
	})
})

// cycle starts and stops a gateway. After each time the machine is as it was, and
// all is well as the caller sees it.
func (h *home) cycle(ctx context.Context, times int, spec string, well func()) {
	GinkgoHelper()
	before := h.resting(ctx)
	for range times {
		command, said := h.start(ctx, "gateway", spec, "--wait", "30s")
		said.until(ctx, "the device is behind the gateway")
		well()
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed())
		h.expectWhole(ctx, before)
		well()
	}
	h.expectClean()
}

// tortures is into how many parts a long proof is cut, which run side by side.
const tortures = 10

// killAll kills a program and its guardian at once, so that nobody is left to put
// anything back. What the kernel then does with a real link the spec does with
// one that is a cable: it hands it to the machine.
func (h *home) killAll(command *netns.Command) {
	GinkgoHelper()
	gateways := namespacesIn(command.Process.Pid, h.machine)
	for _, found := range marked("RUNTIME_DIRECTORY=" + h.runtime) {
		pid, err := strconv.Atoi(filepath.Base(found))
		Expect(err).NotTo(HaveOccurred())
		Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Or(Succeed(), MatchError(syscall.ESRCH)))
	}
	_ = command.Wait()
	Eventually(func() []string { return marked("RUNTIME_DIRECTORY=" + h.runtime) }).Should(BeEmpty())
	for _, gateway := range gateways {
		if link, err := gateway.Netlink().LinkByName("inside"); err == nil {
			Expect(gateway.Netlink().LinkSetNsFd(link, h.machine.FD())).To(Succeed())
		}
		Expect(gateway.Close()).To(Succeed())
	}
}

// killInRestore begins to restore, and kills that a moment later.
func (h *home) killInRestore(ctx SpecContext, later time.Duration) {
	GinkgoHelper()
	command := h.command(ctx, "restore")
	Expect(command.Start()).To(Succeed())
	pause(ctx, later)
	_ = command.Process.Kill() // it may have ended
	_ = command.Wait()
}

// until runs the program until it ends, or until life does: then it is told to
// stop. What it says is also said to all.
func (h *home) until(life context.Context, all io.Writer, args ...string) ended {
	GinkgoHelper()
	var stdout, stderr bytes.Buffer
	command := h.command(life, args...)
	command.Stdout, command.Stderr = &stdout, io.MultiWriter(&stderr, all)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	_ = command.Run() // its code is what counts
	return ended{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// expectKept holds a run file against what the program said of its trials.
func (h *home) expectKept(name, words string) {
	GinkgoHelper()
	path := filepath.Join(h.folder, name)
	if _, err := os.Stat(path); err != nil {
		Expect(words).NotTo(ContainSubstring("control: nothing blocked"), "no trial has ended")
		return
	}
	run, err := runfile.Load(context.Background(), path)
	Expect(err).NotTo(HaveOccurred())
	for _, result := range run.Results {
		Expect(words).To(ContainSubstring(fmt.Sprintf("\n%4d  ", result.Trial.Number)))
	}
	told := len(regexp.MustCompile(`(?m)^ *\d+  `).FindAllString(words, -1))
	Expect(run.Results).To(HaveLen(told), "what was told is kept")
	Expect(run.Status).To(Equal(harness.Interrupted))
}
