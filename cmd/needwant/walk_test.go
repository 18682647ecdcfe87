package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// beginner is somebody in an empty folder who knows nothing but what the program
// says.
type beginner struct{ path string }

func (b beginner) needwant(ctx context.Context, args ...string) ended {
	GinkgoHelper()
	return needwant(ctx, append(args, b.path)...)
}

// mistakes edits the spec for one command, which must name what to do, and takes
// the edit back.
func (b beginner) mistakes(ctx context.Context, before, after string, code int, says string, args ...string) {
	GinkgoHelper()
	good, err := os.ReadFile(b.path)
	Expect(err).NotTo(HaveOccurred())
	Expect(string(good)).To(ContainSubstring(before))
	bad := strings.Replace(string(good), before, after, 1)
	Expect(os.WriteFile(b.path, []byte(bad), 0o600)).To(Succeed())
	run := b.needwant(ctx, args...)
	Expect(run.Code).To(Equal(code), run.Stdout+run.Stderr)
	Expect(run.Stdout + run.Stderr).To(ContainSubstring(says))
	Expect(os.WriteFile(b.path, good, 0o600)).To(Succeed())
}

var _ = Describe("a beginner", Label("root", "whole"), func() {
	It("gets from a new spec to a matrix, and is told what to do at each mistake", func(ctx SpecContext) {
		b := beginner{filepath.Join(GinkgoT().TempDir(), "mine.yaml")}

		By("writing a spec")
		for says, args := range map[string][]string{
			"usage: needwant scenario":     {"scenario", "nwe"},
			`did you mean "roborock-s50"?`: {"scenario", "new", "--like", "roborok-s50"},
			`did you mean "lab"?`:          {"scenario", "new", "--placement", "Lab"},
			`did you mean "s50-thread"?`:   {"scenario", "new", "--placement", "lab", "--world", "s50"},
			"nothing was written":          {"scenario", "new", "--mac", "12:34"},
		} {
			run := b.needwant(ctx, args...)
			Expect(run).To(And(HaveField("Code", 2), HaveField("Stderr", ContainSubstring(says))))
			Expect(b.path).NotTo(BeAnExistingFile())
		}
		made := b.needwant(ctx, "scenario", "new", "--placement", "lab", "--world", "boot-only")
		Expect(made.Code).To(Equal(0), made.Stderr)
		Expect(made.Stdout).To(ContainSubstring("next:  needwant check " + b.path))

		By("reading it")
		Expect(needwant(ctx, "check").Stderr).To(ContainSubstring("usage: needwant check SPEC"))
		Expect(needwant(ctx, "check", strings.TrimSuffix(b.path, ".yaml")).Stderr).To(ContainSubstring("give the path of a YAML file"))
		b.mistakes(ctx, "boot-only", "boot-onyl", 2, `did you mean "boot-only"?`, "scenario", "validate")
		b.mistakes(ctx, "placement: lab", "placement: nic", 2, "write mac, address, or both", "scenario", "validate")
		b.mistakes(ctx, "steps:", "stesp:", 2, `did you mean "steps"?`, "scenario", "validate")
		b.mistakes(ctx, "miio: {method", "mioi: {method", 2, `did you mean "miio"?`, "check")
		b.mistakes(ctx, "result[0].state", "reslt[0].state", 2, "a result of miio has attempts, result, rtt_ms", "check")
		b.mistakes(ctx, "        actuates: true", "        # quiet", 2, "write actuates: true beside miio", "check")
		b.mistakes(ctx, "kind: Scenarios", "kind: Scenarios", 2, "give it to needwant check", "lab")
		Expect(b.needwant(ctx, "scenario", "validate").Stdout).To(ContainSubstring("fine, a spec of 2 scenarios"))

		By("checking the device")
		b.mistakes(ctx, "result[0].state", "result[0].sate", 1, "there is no result[0].sate in it", "check")
		b.mistakes(ctx, "method: get_status", "method: get_sttus", 1, "then check again", "check")
		b.mistakes(ctx, "entity: vacuum.device", "entity: vacuum.s50", 3, "look up its name under Developer tools", "check")
		b.mistakes(ctx, "192.168.1.5:8123", "192.168.1.10:8123", 3, "is the URL its own?", "check")
		checked := b.needwant(ctx, "check")
		Expect(checked.Code).To(Equal(0), checked.Stdout+checked.Stderr)
		Expect(checked.Stdout).To(And(ContainSubstring("native_app works, from gateway"), ContainSubstring("hass works, from lan")))

		By("making the experiment")
		out := filepath.Join(filepath.Dir(b.path), "mine.run")
		found := b.needwant(ctx, "bisect", "--order", "exact", "--out", out)
		Expect(found.Code).To(BeElementOf(0, 4), found.Stderr)
		Expect(found.Stdout).To(MatchRegexp(`cloud\S* .*● required`))
		again := b.needwant(ctx, "bisect", "--out", out)
		Expect(again).To(And(HaveField("Code", 2), HaveField("Stderr", ContainSubstring("needwant report "+out+" shows it"))))
		Expect(needwant(ctx, "report", out).Stdout).To(Equal(found.Stdout))
	}, SpecTimeout(4*time.Minute))
})
