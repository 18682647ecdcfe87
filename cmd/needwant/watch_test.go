package main_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("needwant watch", Label("root"), func() {
	It("follows an experiment to its end, and writes nothing", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "live.run")
		experiment := exec.CommandContext(ctx, program, "lab", "one-of-each", "--quiet", "--out", path)
		Expect(experiment.Start()).To(Succeed())
		Eventually(func() bool { written, _ := runfile.Written(path); return written }).WithContext(ctx).Should(BeTrue())

		watched := needwant(ctx, "watch", path)
		Expect(watched.Code).To(Equal(0), watched.Stderr)
		_ = experiment.Wait()
		run, err := runfile.Load(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		for _, result := range run.Results {
			Expect(watched.Stdout).To(ContainSubstring("\n%4d  ", result.Trial.Number))
		}
		Expect(watched.Stdout).To(HaveSuffix(needwant(ctx, "report", path).Stdout))

		before, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(needwant(ctx, "watch", path).Stdout).To(ContainSubstring("complete; every cell is decided"))
		Expect(os.ReadFile(path)).To(Equal(before))
	}, SpecTimeout(2*time.Minute))

	It("draws the matrix on a terminal, again and again", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "live.run")
		Expect(needwant(ctx, "lab", "all-optional", "--quiet", "--out", path).Code).To(Equal(0))
		screen := gbytes.NewBuffer()
		command := exec.CommandContext(ctx, "script", "--quiet", "--return", "--command", program+" watch "+path, os.DevNull)
		command.Env = append(os.Environ(), "NO_COLOR=", "TERM=xterm")
		command.Stdout = screen
		Expect(command.Run()).To(Succeed())
		Expect(string(screen.Contents())).To(MatchRegexp(`(?s)○ optional.*so far\r\n\r\x1b\[\d+A\x1b\[J.*Safe to block, all at once`))
	}, SpecTimeout(time.Minute))

	It("says when the experiment was cut short", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "live.run")
		experiment := exec.CommandContext(ctx, program, "lab", "s50-thread", "--quiet", "--out", path)
		Expect(experiment.Start()).To(Succeed())
		Eventually(func() int { run, _ := runfile.Load(context.Background(), path); return len(run.Results) }).WithContext(ctx).Should(BeNumerically(">", 0))
		Expect(experiment.Process.Kill()).To(Succeed())
		_ = experiment.Wait()
		watched := needwant(ctx, "watch", path)
		Expect(watched.Code).To(Equal(0), watched.Stderr)
		Expect(watched.Stderr).To(MatchRegexp(`The run was interrupted after \d+ trials?( and \d+ controls?)?\. Next: needwant resume .*live\.run continues it\.`))
	}, SpecTimeout(time.Minute))

	It("needs a run file", func(ctx SpecContext) {
		Expect(needwant(ctx, "watch", "none.run")).To(And(HaveField("Code", 2), HaveField("Stderr", ContainSubstring("does not exist: check the name"))))
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("needwant watch --web", func() {
	It("serves the page of a run until it is stopped", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "seen.run")
		file, err := runfile.Create(path, harness.Run{Device: harness.Device{Name: "hall lamp"}, Settings: harness.Settings{
			Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady},
		}})
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Finish(harness.Complete, "", 0)).To(Succeed())
		Expect(file.Close()).To(Succeed())
		command := exec.CommandContext(ctx, program, "watch", path, "--web")
		said := gbytes.NewBuffer()
		command.Stderr = said
		Expect(command.Start()).To(Succeed())
		Eventually(ctx, said).Should(gbytes.Say("Only this machine can open it"))
		address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(string(said.Contents()))
		Eventually(ctx, func(g Gomega) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
			g.Expect(err).NotTo(HaveOccurred())
			answer, err := http.DefaultClient.Do(r)
			g.Expect(err).NotTo(HaveOccurred())
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(text)).To(ContainSubstring("hall lamp"))
		}).Should(Succeed())
		Expect(command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(command.Wait()).To(Succeed(), "%s", said.Contents())
	}, SpecTimeout(20*time.Second))

	DescribeTable("explains what is wrong", func(ctx SpecContext, why string, flags ...string) {
		path := filepath.Join(GinkgoT().TempDir(), "seen.run")
		file, err := runfile.Create(path, harness.Run{})
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		Expect(needwant(ctx, append([]string{"watch", path}, flags...)...)).To(And(HaveField("Code", 2), HaveField("Stderr", ContainSubstring(why))))
	},
		Entry("no page", "add --web", "--web-view", SpecTimeout(20*time.Second)),
		Entry("no address", "is not an address of this machine", "--web=example.org", SpecTimeout(20*time.Second)),
	)
})

var _ = Describe("needwant man", func() {
	It("has a page for every command", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(needwant(ctx, "man", folder)).To(HaveField("Code", 0))
		commands := regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`).FindAllStringSubmatch(needwant(ctx, "--help").Stdout, -1)
		Expect(len(commands)).To(BeNumerically(">", 15))
		for _, command := range commands {
			if command[1] != "help" {
				Expect(filepath.Join(folder, "needwant-"+command[1]+".1")).To(BeAnExistingFile())
			}
		}
		page, err := os.ReadFile(filepath.Join(folder, "needwant-bisect.1"))
		Expect(err).NotTo(HaveOccurred())
		Expect(bytes.Count(page, []byte(".SH "))).To(BeNumerically(">", 4))
		Expect(needwant(ctx, "man").Stdout).To(ContainSubstring("needwant-verify(1)"))
	}, SpecTimeout(20*time.Second))
})
