package main_test

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/clipperhouse/displaywidth"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// window is a terminal of 80 by 24 in a home, with a command in it.
type window struct {
	command *netns.Command
	typing  io.Writer
	said    *gbytes.Buffer
	over    chan struct{} // closed once nothing more is said
}

// window starts a command line as it was shown.
func (h *home) window(ctx context.Context, line string) *window {
	GinkgoHelper()
	words := strings.Fields(strings.TrimPrefix(line, "sudo -E "))
	Expect(words[0]).To(Equal("needwant"), line)
	typing, screen := terminal()
	Expect(unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})).To(Succeed())
	w := &window{h.command(ctx, words[1:]...), typing, gbytes.NewBuffer(), make(chan struct{})}
	w.command.Env = append(w.command.Env, "TERM=xterm", "DEVICE_TOKEN="+h.Device.Token)
	w.command.Stdin, w.command.Stdout, w.command.Stderr = screen, screen, screen
	Expect(w.command.Start()).To(Succeed())
	Expect(screen.Close()).To(Succeed()) // the terminal is closed by the last who has it
	go func() {
		defer close(w.over)
		_, _ = io.Copy(io.MultiWriter(w.said, GinkgoWriter), typing) // it ends with an error once the terminal is closed
	}()
	return w
}

// answer types an answer to a question.
func (w *window) answer(ctx context.Context, asks, text string) {
	GinkgoHelper()
	Eventually(w.said).WithContext(ctx).Should(gbytes.Say("(?s)" + asks + ".*: $"))
	_, err := io.WriteString(w.typing, text+"\n")
	Expect(err).NotTo(HaveOccurred())
}

// drawn is what a terminal is told besides text.
var drawn = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|[\r\a]")

// end waits for the command, and returns its exit code, and what it said with every blank and
// line break as one blank. No line is wider than the window, except a word or a command, which
// is copied in one piece.
func (w *window) end(ctx context.Context) (code int, text string) {
	GinkgoHelper()
	_ = w.command.Wait()
	Eventually(w.over).WithContext(ctx).Should(BeClosed())
	text = drawn.ReplaceAllString(string(w.said.Contents()), "")
	for line := range strings.SplitSeq(text, "\n") {
		whole := !strings.Contains(strings.TrimSpace(line), " ") || strings.Contains(line, "needwant ") || strings.Contains(line, "miio get_status")
		Expect(displaywidth.String(line) <= 80 || whole).To(BeTrue(), line)
	}
	return w.command.ProcessState.ExitCode(), strings.Join(strings.Fields(text), " ")
}

// found is the command that a text shows before these words.
func found(text, before string) string {
	GinkgoHelper()
	head, _, ok := strings.Cut(text, before)
	Expect(ok).To(BeTrue(), "%q in %s", before, text)
	const sudo, program = "sudo -E ", "needwant "
	at := strings.LastIndex(head, program)
	Expect(at).To(BeNumerically(">=", 0), head)
	if strings.HasSuffix(head[:at], sudo) {
		at -= len(sudo)
	}
	return head[at:]
}

var _ = Describe("the first hour", Label("root", "whole"), func() {
	It("leads from the wizard to the rules and the device that is online with them, by the commands that are shown", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)

		By("answering the wizard")
		wizard := h.window(ctx, "needwant scenario new s50.yaml")
		for _, one := range [][2]string{
			{"which spec to begin with", ""}, {"how the device is connected", "nic"},
			{"the interface to the device", "inside"}, {"the interface to your home network", "uplink"},
			{"what you call the device", ""}, {"its model", ""}, {"its MAC address", "7c:49:eb:00:00:01"}, {"its IP address", ""},
			{"where its miIO token is", ""}, {"where your Home Assistant is", "http://192.168.1.5:8123"}, {"the device's entity there", "vacuum.device"},
			{"where its long-lived access token is", ""},
		} {
			wizard.answer(ctx, one[0], one[1])
		}
		code, text := wizard.end(ctx)
		Expect(code).To(BeZero(), text)
		next := found(text, " (puts the device behind the gateway")
		Expect(next).To(Equal("sudo -E needwant doctor s50.yaml"))
		h.hasten("s50.yaml")

		By("asking the doctor")
		Eventually(func() (code int) { // which says so if the machine is too busy for it now
			code, text = h.window(ctx, next).end(ctx)
			return code
		}).WithContext(ctx).Should(BeZero(), func() string { return text })
		next = found(text, " runs every check")
		Expect(next).To(HavePrefix("sudo -E needwant check s50.yaml"))

		By("checking the device")
		code, text = h.window(ctx, next).end(ctx)
		Expect(code).To(BeZero(), text)
		Expect(text).To(ContainSubstring("With nothing blocked, all 2 scenarios work."))
		next = found(text, " runs the experiment")

		By("looking at what it contacts")
		_, text = h.window(ctx, "needwant observe s50.yaml --for 3s").end(ctx)
		Expect(text).To(ContainSubstring("The device contacted 5 destinations"))
		Expect(found(text, " finds out")).To(Equal(next))

		By("making the experiment, and watching it in a second window")
		experiment := h.window(ctx, next)
		run := filepath.Join(h.folder, "s50.run")
		Eventually(run).WithContext(ctx).Should(BeAnExistingFile())
		watching := h.window(ctx, "needwant watch s50.run")
		code, text = experiment.end(ctx)
		Expect(code).To(BeElementOf(0, 4), text)
		Expect(text).To(And(ContainSubstring("The run is saved in s50.run."), ContainSubstring("You can block 2 of 5 destinations")))
		keeps := found(text, " Next: ")
		Expect(keeps).To(HaveSuffix("needwant gateway s50.yaml"))
		writes, verifies := found(text, " writes the rules"), found(text, " tests them on the device")
		_, watched := watching.end(ctx)
		Expect(watched).To(ContainSubstring("Next: " + writes + " writes the rules; " + verifies + " tests them"))
		h.expectAsBefore(ctx, before)
		h.expectCells(plugWorld)

		By("starting it once more by mistake")
		code, text = h.window(ctx, next).end(ctx)
		Expect(code).To(Equal(2), text)
		Expect(found(text, " shows it")).To(Equal("needwant report s50.run"))

		By("reading the report, and writing the rules")
		_, text = h.window(ctx, "needwant report s50.run").end(ctx)
		Expect(text).To(ContainSubstring("stats.plug.example"))
		rules := h.needwant(ctx, strings.Fields(strings.TrimPrefix(writes, "needwant "))...) // into a file
		Expect(rules.Code).To(BeZero(), rules.Stderr)
		Expect(rules.Stdout).To(And(ContainSubstring("7c:49:eb:00:00:01"), ContainSubstring("203.0.113.13"), Not(ContainSubstring("203.0.113.10"))))
		list := h.needwant(ctx, "export", "s50.run", "--spec", "s50.yaml", "--format", "pihole-list")
		Expect(list.Code).To(BeZero(), list.Stderr)
		Expect(list.Stdout).To(And(ContainSubstring("stats.plug.example"), Not(ContainSubstring("cloud.plug.example"))))

		By("verifying them")
		code, text = h.window(ctx, verifies).end(ctx)
		Expect(code).To(BeZero(), text)
		Expect(text).To(ContainSubstring("PASS: everything works under block-optional"))
		next = found(text, " keeps the device")

		By("keeping the device online")
		for command, says := range map[string]string{
			keeps: "the device is behind the gateway, with 0 destinations blocked; stop with Ctrl-C",
			next:  "the device is behind the gateway, with 2 destinations blocked; stop with Ctrl-C",
		} {
			gateway := h.window(ctx, command)
			Eventually(func() string { return strings.Join(strings.Fields(string(gateway.said.Contents())), " ") }).WithContext(ctx).Should(ContainSubstring(says))
			Expect(gateway.command.Process.Signal(syscall.SIGINT)).To(Succeed())
			code, text = gateway.end(ctx)
			Expect(code).To(BeZero(), text)
			Expect(text).To(HaveSuffix(command), "it can be started again")
		}
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(8*time.Minute))
})

// hasten shortens the times of a spec that the wizard wrote, as it does itself for a lab, and
// those of Home Assistant. The device and the Home Assistant of a home are some forty times faster than real ones.
func (h *home) hasten(spec string) {
	GinkgoHelper()
	path := filepath.Join(h.folder, spec)
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	for before, after := range map[string]string{
		"settle: 90s": "settle: 600ms", "recover: 60s": "recover: 10s", "observe: 30m": "observe: 1s",
		"every: 15s": "every: 400ms", "max_gap_s < 60": "max_gap_s < 2", "retry: {attempts: 4, every: 5s}": "timeout: 1s\n    retry: {attempts: 4, every: 200ms}",
		"refresh: true}": "refresh: true, apart: 1ms, interval: 220ms, poll_timeout: 1s}",
	} {
		Expect(string(text)).To(ContainSubstring(before))
		text = []byte(strings.ReplaceAll(string(text), before, after))
	}
	Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
}

// expectCells holds s50.run against what the world's own text says; the gateway's resolver, which
// a spec of the wizard may block, is no part of it.
func (h *home) expectCells(text string) {
	GinkgoHelper()
	world, err := lab.Parse("plug.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	for _, column := range []string{lab.NativeApp, lab.HomeAssistant} {
		expected, err := labtest.Expect(world, column, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		cells := h.cells("s50.run", column)
		maps.DeleteFunc(cells, func(destination, _ string) bool { return strings.HasSuffix(destination, "/resolver") })
		Expect(cells).To(Equal(expected.Verdicts), column)
	}
}
