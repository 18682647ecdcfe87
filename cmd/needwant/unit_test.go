package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const (
	unit        = "../../packaging/needwant@.service"
	bisectUnit  = "../../packaging/needwant-bisect@.service"
	recheckUnit = "../../packaging/needwant-recheck@.service"
)

var _ = Describe("the unit of systemd for an experiment of days", func() {
	text := func(path string) string {
		GinkgoHelper()
		content, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		return string(content)
	}

	It("is limited like that of a gateway", func() {
		limits := func(path string) string {
			_, limits, found := strings.Cut(text(path), "# What a gateway needs")
			Expect(found).To(BeTrue())
			return limits
		}
		Expect(limits(bisectUnit)).To(Equal(limits(unit)))
		service, _, _ := strings.Cut(limits(unit), "\n[Install]")
		Expect(limits(recheckUnit)).To(Equal(service), "a timer begins it")
	})

	It("may test again what is known, and then keeps the device online", func(ctx SpecContext) {
		content := text(recheckUnit)
		for _, line := range []string{"Type=oneshot", "SuccessExitStatus=4", "OnSuccess=needwant@%i.service", "OnFailure=needwant@%i.service", "WorkingDirectory=/var/lib/needwant"} {
			Expect(content).To(ContainSubstring("\n" + line + "\n"))
		}
		help, err := exec.CommandContext(ctx, program, "recheck", "--help").Output()
		Expect(err).NotTo(HaveOccurred())
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(content), -1) {
			Expect(string(help)).To(ContainSubstring(flag))
		}
	}, SpecTimeout(30*time.Second))

	It("begins a run or goes on with it, and is not begun again when the run is over", func(ctx SpecContext) {
		content := text(bisectUnit)
		for _, line := range []string{"SuccessExitStatus=4", "Restart=on-failure", "RestartPreventExitStatus=2", "StateDirectory=needwant"} {
			Expect(content).To(ContainSubstring("\n" + line + "\n"))
		}
		help, err := exec.CommandContext(ctx, program, "bisect", "--help").Output()
		Expect(err).NotTo(HaveOccurred())
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(regexp.MustCompile(`(?m)^(ExecStart|Environment)=.*$`).FindString(content), -1) {
			Expect(string(help)).To(ContainSubstring(flag))
		}
	}, SpecTimeout(30*time.Second))
})

var _ = Describe("the unit of systemd", func() {
	It("leaves the service little to do harm with", func(ctx SpecContext) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			Skip("there is no systemd-analyze here")
		}
		said, err := exec.CommandContext(ctx, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=39", unit, bisectUnit, recheckUnit).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "the exposure is above 3.9: %s", said)
		Expect(string(said)).To(ContainSubstring("Overall exposure level"))
	}, SpecTimeout(30*time.Second))

	DescribeTable("leaves it what a gateway needs", Label("root"), func(ctx SpecContext, prepare func(ctx SpecContext, h *home) string) {
		if _, err := exec.LookPath("setpriv"); err != nil {
			Skip("there is no setpriv here")
		}
		text, err := os.ReadFile(unit)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("NoNewPrivileges=yes"))
		found := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`).FindStringSubmatch(string(text))
		Expect(found).NotTo(BeNil())
		bounds := strings.ToLower(strings.ReplaceAll("-all,+"+strings.ReplaceAll(found[1], " ", ",+"), "CAP_", ""))

		h := newHome(ctx)
		spec := prepare(ctx, h)
		before := h.resting(ctx)
		command := h.prepare(ctx, "setpriv", "--no-new-privs", "--bounding-set", bounds, "--inh-caps", bounds, program, "gateway", spec, "--wait", "30s")
		output, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		said := &speech{lines: make(chan string, 1000)}
		go said.listen(output)
		said.until(ctx, "the device is behind the gateway")
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed(), said.text())
		h.expectWhole(ctx, before)
		h.expectClean()
	},
		Entry("on an interface of its own", func(_ SpecContext, h *home) string { return h.spec() }, SpecTimeout(time.Minute)),
		Entry("on the user's own router", func(ctx SpecContext, h *home) string {
			h.asRouter(ctx)
			return h.hostSpec()
		}, SpecTimeout(time.Minute)),
	)
})
