package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

const (
	unit        = "../../packaging/needwant@.service"
	bisectUnit  = "../../packaging/needwant-bisect@.service"
	recheckUnit = "../../packaging/needwant-recheck@.service"
	agentUnit   = "../../packaging/needwant-agent.service"
	hubUnit     = "../../packaging/needwant-hub.service"
)

var _ = Describe("the unit of systemd for an experiment of days", func() {
	text := func(path string) string {
		GinkgoHelper()
		content, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		return string(content)
	}
	// expectFlags checks that a command has the flags that its unit uses, or names as an example.
	expectFlags := func(ctx context.Context, path, command string) {
		GinkgoHelper()
		help, err := exec.CommandContext(ctx, program, command, "--help").Output()
		Expect(err).NotTo(HaveOccurred())
		used := regexp.MustCompile(`(?m)^ExecStart=.*$|_FLAGS=.*$`).FindAllString(text(path), -1)
		flags := regexp.MustCompile(`--[a-z-]+`).FindAllString(strings.Join(used, " "), -1)
		Expect(flags).NotTo(BeEmpty())
		for _, flag := range flags {
			Expect(string(help)).To(ContainSubstring(flag), path)
		}
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
		rights := func(path string) string {
			rights, _, found := strings.Cut(limits(path), "# A device")
			if !found {
				rights, _, found = strings.Cut(limits(path), "# Devices")
			}
			Expect(found).To(BeTrue())
			return rights
		}
		Expect(rights(agentUnit)).To(Equal(rights(unit)), "many devices take more memory, and no more rights")
	})

	It("may carry out those of several devices, or be their hub", func(ctx SpecContext) {
		for _, line := range []string{"EnvironmentFile=/etc/needwant/agent.env", "WorkingDirectory=/etc/needwant", "SuccessExitStatus=4", "Restart=on-failure", "RestartPreventExitStatus=2", "StateDirectory=needwant"} {
			Expect(text(agentUnit)).To(ContainSubstring("\n" + line + "\n"))
		}
		expectFlags(ctx, agentUnit, "agent")
		expectFlags(ctx, hubUnit, "hub")
	}, SpecTimeout(30*time.Second))

	It("may test again what is known, and then keeps the device online", func(ctx SpecContext) {
		content := text(recheckUnit)
		for _, line := range []string{"Type=oneshot", "SuccessExitStatus=4", "OnSuccess=needwant@%i.service", "OnFailure=needwant@%i.service", "WorkingDirectory=/var/lib/needwant"} {
			Expect(content).To(ContainSubstring("\n" + line + "\n"))
		}
		expectFlags(ctx, recheckUnit, "recheck")
	}, SpecTimeout(30*time.Second))

	It("begins a run or goes on with it, and is not begun again when the run is over", func(ctx SpecContext) {
		content := text(bisectUnit)
		for _, line := range []string{"SuccessExitStatus=4", "Restart=on-failure", "RestartPreventExitStatus=2", "StateDirectory=needwant"} {
			Expect(content).To(ContainSubstring("\n" + line + "\n"))
		}
		expectFlags(ctx, bisectUnit, "bisect")
	}, SpecTimeout(30*time.Second))
})

var _ = Describe("the unit of systemd", func() {
	It("leaves the service little to do harm with", func(ctx SpecContext) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			Skip("systemd-analyze is not installed")
		}
		said, err := exec.CommandContext(ctx, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=39", unit, bisectUnit, recheckUnit, agentUnit, hubUnit).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "the exposure is above 3.9: %s", said)
		Expect(string(said)).To(ContainSubstring("Overall exposure level"))
	}, SpecTimeout(30*time.Second))

	It("is one that systemd understands", func(ctx SpecContext) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			Skip("systemd-analyze is not installed")
		}
		for _, path := range []string{unit, bisectUnit, recheckUnit, agentUnit, hubUnit} {
			content, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			installed := strings.ReplaceAll(string(content), "/usr/bin/needwant", program)
			copied := filepath.Join(GinkgoT().TempDir(), strings.Replace(filepath.Base(path), "@.", "@s50.", 1))
			Expect(os.WriteFile(copied, []byte(installed), 0o600)).To(Succeed())
			said, err := exec.CommandContext(ctx, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copied).CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "%s", said)
			Expect(string(said)).To(BeEmpty(), path)
		}
	}, SpecTimeout(30*time.Second))

	It("leaves a hub what it needs", Label("root"), func(ctx SpecContext) {
		if _, err := exec.LookPath("setpriv"); err != nil {
			Skip("setpriv is not installed")
		}
		content, err := os.ReadFile(hubUnit)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(content)).To(ContainSubstring("\nCapabilityBoundingSet=\nNoNewPrivileges=yes\n"))
		directory := filepath.Join(GinkgoT().TempDir(), "hub")
		added := needwant(ctx, "hub", "add", "garage", "--dir", directory, "--out", filepath.Join(GinkgoT().TempDir(), "garage.creds"))
		Expect(added.Code).To(Equal(0), added.Stderr)
		command := exec.CommandContext(ctx, "setpriv", "--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all", program, "hub", "--dir", directory, "--listen", "127.0.0.1:0")
		said := gbytes.NewBuffer()
		command.Stderr = said
		Expect(command.Start()).To(Succeed())
		DeferCleanup(func() {
			_ = command.Process.Kill()
			_ = command.Wait()
		})
		Eventually(said).WithContext(ctx).Should(gbytes.Say("Ctrl-C stops the hub"))
		Expect(needwant(ctx, "hub", "status", "--dir", directory).Stdout).To(ContainSubstring("garage"))
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed(), "%s", said.Contents())
	}, SpecTimeout(time.Minute))

	DescribeTable("leaves it what a gateway needs", Label("root"), func(ctx SpecContext, prepare func(ctx SpecContext, h *home) string) {
		if _, err := exec.LookPath("setpriv"); err != nil {
			Skip("setpriv is not installed")
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
