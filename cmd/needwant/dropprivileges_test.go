package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// status is a line of what the kernel says of a process.
func status(pid int, key string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it may have ended
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, key+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// capabilities are those of one set of a process. The two that it keeps to read files
// of another user do not count. Right after its start a process still has all of them.
func capabilities(pid int, set string) (uint64, error) {
	const filesOfOthers = 1<<1 | 1<<2 // CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
	has, err := strconv.ParseUint(status(pid, set), 16, 64)
	return has &^ filesOfOthers, err
}

var _ = Describe("a command that only reads files", Label("root"), func() {
	running := func() string {
		GinkgoHelper()
		path := filepath.Join(GinkgoT().TempDir(), "some.run")
		file, err := runfile.Create(path, harness.Run{ID: "one", Scenarios: []harness.ScenarioInfo{{Name: "app"}}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		return path
	}

	It("has no capabilities when root starts it", func(ctx SpecContext) {
		watch := exec.CommandContext(ctx, program, "watch", running())
		Expect(watch.Start()).To(Succeed())
		DeferCleanup(func() { _ = watch.Process.Kill(); _ = watch.Wait() })
		Eventually(func() string { return status(watch.Process.Pid, "NoNewPrivs") }).WithContext(ctx).Should(Equal("1"))
		for _, set := range []string{"CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"} {
			Eventually(func() (uint64, error) { return capabilities(watch.Process.Pid, set) }).WithContext(ctx).Should(BeZero(), set)
		}
	}, SpecTimeout(30*time.Second))

	It("has none either when it imports a stream", func(ctx SpecContext) {
		reading := exec.CommandContext(ctx, program, "import", "-")
		stream, err := reading.StdinPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(reading.Start()).To(Succeed())
		DeferCleanup(func() { _ = stream.Close(); _ = reading.Wait() })
		Eventually(func() (uint64, error) { return capabilities(reading.Process.Pid, "CapEff") }).WithContext(ctx).Should(BeZero())
		Expect(status(reading.Process.Pid, "NoNewPrivs")).To(Equal("1"))
	}, SpecTimeout(30*time.Second))

	It("still reads root's own files, and those of another user", func(ctx SpecContext) {
		path := running()
		Expect(needwant(ctx, "report", path).Code).To(BeElementOf(0, 4))
		if os.Chown(path, 65534, 65534) != nil {
			return // there is but one user here
		}
		read := needwant(ctx, "report", path)
		Expect(read.Code).To(BeElementOf(0, 4), read.Stderr)
	}, SpecTimeout(30*time.Second))

	It("keeps its arguments, its exit code and its output", func(ctx SpecContext) {
		wrong := needwant(ctx, "report", "/no such file")
		Expect(wrong.Code).To(Equal(2))
		Expect(wrong.Stderr).To(ContainSubstring("run file /no such file does not exist"))
		var environment bytes.Buffer
		schema := exec.CommandContext(ctx, program, "scenario", "schema")
		schema.Stdout = &environment
		Expect(schema.Run()).To(Succeed())
		Expect(environment.String()).To(ContainSubstring("needwant/v1"))
	}, SpecTimeout(30*time.Second))
})
