package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("needwant lab", Label("root"), func() {
	It("fills in the question marks of the forum's table", func(ctx SpecContext) {
		run := needwant(ctx, "lab", "--format", "json", "--discard")
		Expect(run.Code).To(Equal(0), run.Stderr)
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(run.Stdout), &matrix)).To(Succeed())
		app, hass := map[string]harness.Verdict{}, map[string]harness.Verdict{}
		for _, row := range matrix.Rows {
			app[row.Destination.Addresses[0]] = row.Cells["native_app"].Verdict
			hass[row.Destination.Addresses[0]] = row.Cells["hass"].Verdict
		}
		Expect(app).To(Equal(map[string]harness.Verdict{
			"18.194.236.76": harness.Required, "52.29.158.79": harness.Optional,
			"130.217.226.51": harness.Alternative, "202.118.1.81": harness.Alternative,
			"202.6.116.123": harness.Alternative, "202.78.240.38": harness.Alternative,
			"61.161.155.29": harness.Alternative,
		}))
		Expect(hass).To(HaveLen(7))
		Expect(hass).To(HaveEach(harness.Optional))
		Expect(matrix.Outside).To(HaveExactElements(HaveField("Left", HaveExactElements(HaveField("Port", uint16(443))))), "any time server will do")
		Expect(run.Stderr).To(ContainSubstring("control"), "progress is visible")
		Expect(run.Stderr).To(ContainSubstring("Your network was not touched"), "the ending")
	}, SpecTimeout(3*time.Minute))

	It("exits 4 when something is not exercised, and says what", func(ctx SpecContext) {
		run := needwant(ctx, "lab", "boot-only", "--discard")
		Expect(run.Code).To(Equal(4), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring("not-exercised"))
	}, SpecTimeout(3*time.Minute))

	It("decides what is contacted only while something required is blocked, and says so", Label("whole"), func(ctx SpecContext) {
		run := needwant(ctx, "lab", "fallback-of-required", "--format", "json", "--discard")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(ContainSubstring("Contacted only while ntp.light.example is blocked, which is required"))
	}, SpecTimeout(3*time.Minute))

	It("exits 1 with the reason when something fails with nothing blocked", func(ctx SpecContext) {
		world := file("broken.yaml", `apiVersion: needwant/v1
kind: World
name: broken
device: {model: a.b.c, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 50ms, poll: 100ms}
noise: {deaf: 1.0}
destinations:
  a: {host: a.example, addresses: [203.0.113.1], protocol: tcp, port: 443}
`)
		run := needwant(ctx, "lab", world, "--discard")
		Expect(run.Code).To(Equal(1), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("does not work with nothing blocked: hass: "))
	}, SpecTimeout(time.Minute))

	It("tells its events, and the matrix last", func(ctx SpecContext) {
		run := needwant(ctx, "lab", "all-optional", "--json", "--quiet", "--discard")
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stderr).To(BeEmpty())
		var kinds []string
		lines := bufio.NewScanner(strings.NewReader(run.Stdout))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var event struct{ Event string }
			Expect(json.Unmarshal(lines.Bytes(), &event)).To(Succeed())
			kinds = append(kinds, event.Event)
		}
		Expect(kinds).To(ContainElements("began", "ended"))
		Expect(kinds[len(kinds)-2:]).To(Equal([]string{"finished", "matrix"}))
	}, SpecTimeout(time.Minute))

	It("is interrupted by each signal with a whole run file, and resumed to the same verdicts", Label("whole"), func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "s.run")
		run := func(args ...string) *exec.Cmd {
			command := exec.CommandContext(ctx, program, args...)
			command.Stderr = GinkgoWriter
			Expect(command.Start()).To(Succeed())
			return command
		}
		kept := 0
		for i, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			args := []string{"resume", path}
			if i == 0 {
				args = []string{"lab", "one-of-each", "--out", path}
			}
			command := run(args...)
			Eventually(func() int {
				partial, _ := runfile.Load(context.Background(), path)
				return len(partial.Results)
			}).WithContext(ctx).WithTimeout(time.Minute).Should(BeNumerically(">", kept+2))
			Expect(command.Process.Signal(signal)).To(Succeed())
			_ = command.Wait()
			Expect(command.ProcessState.ExitCode()).To(Equal(130))
			partial, err := runfile.Load(context.Background(), path)
			Expect(err).NotTo(HaveOccurred())
			Expect(partial.Status).To(Equal(harness.Interrupted))
			kept = len(partial.Results)
		}
		last := needwant(ctx, "resume", path)
		Expect(last.Code).To(Equal(0), last.Stderr)
		whole := needwant(ctx, "report", path, "--format", "json")
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(whole.Stdout), &matrix)).To(Succeed())
		verdicts := map[harness.Verdict]int{}
		for _, row := range matrix.Rows {
			verdicts[row.Cells["native_app"].Verdict]++
		}
		Expect(verdicts).To(Equal(map[harness.Verdict]int{harness.Required: 2, harness.Alternative: 3, harness.Optional: 2}))
	}, SpecTimeout(3*time.Minute))

	It("blocks names as a separate fault, also when it is resumed", Label("whole"), func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "n.run")
		short := needwant(ctx, "lab", "all-optional", "--fault", "reject,nxdomain", "--budget", "1", "--out", path)
		Expect(short.Code).To(Equal(4), short.Stderr)
		rest := needwant(ctx, "resume", path, "--budget", "100", "--format", "json")
		Expect(rest.Code).To(Equal(0), rest.Stderr)
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(rest.Stdout), &matrix)).To(Succeed())
		Expect(matrix.Columns).To(ContainElement(HaveField("ID", "hass/nxdomain")))
		for _, row := range matrix.Rows {
			Expect(row.Cells).To(HaveKeyWithValue("hass/nxdomain", And(
				HaveField("Verdict", harness.Optional), HaveField("Attempts", BeNumerically(">", 0)))), row.Destination.ID)
		}
	}, SpecTimeout(2*time.Minute))

	It("stops at its budget, and goes on when there is more", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "b.run")
		short := needwant(ctx, "lab", "fallbacks", "--budget", "3", "--out", path)
		Expect(short.Code).To(Equal(4), short.Stderr)
		Expect(short.Stdout).To(ContainSubstring("undecided"))
		rest := needwant(ctx, "resume", path, "--budget", "100")
		Expect(rest.Code).To(Equal(0), rest.Stderr)
	}, SpecTimeout(2*time.Minute))
})
