package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/scenarios"
)

// curious is a spec that leaves a trace when it is carried out.
func curious(trace, more string) string {
	return "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: s50-thread}\nscenarios:\n" +
		"  app: {steps: [{exec: {command: [touch, " + trace + "]}}]}\n" + more
}

// received is a run file that someone else made, interrupted after its first trial.
func received(text string) string {
	GinkgoHelper()
	spec, err := scenarios.Parse("theirs.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	run := bench.NewRun("theirs.yaml", spec, spec.Scenarios, harness.Settings{Order: "1"})
	path := filepath.Join(GinkgoT().TempDir(), "received.run")
	kept, err := runfile.Create(path, run)
	Expect(err).NotTo(HaveOccurred())
	d := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "a.example"}
	for number, block := range [][]harness.Destination{nil, {d}} {
		Expect(kept.Append(harness.Result{
			Trial: harness.Trial{Number: number + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady}, Lane: 1, Recovered: true,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}},
			Seen:     harness.Observation{Contacts: []harness.Contact{{Destination: d, Tries: 1, Attempts: len(block), Touched: len(block)}}},
		})).To(Succeed())
	}
	Expect(kept.Close()).To(Succeed())
	return path
}

var _ = Describe("a run file from someone else", Label("root"), func() {
	var trace string
	BeforeEach(func() { trace = filepath.Join(GinkgoT().TempDir(), "trace") })

	DescribeTable("runs nothing unless it is trusted", func(ctx SpecContext, command string) {
		path := received(curious(trace, "secrets: {hass: env:HASS_TOKEN}\n"))
		came := needwant(ctx, command, path)
		Expect(came.Code).To(Equal(2), came.Stderr)
		Expect(came.Stderr).To(And(
			ContainSubstring(`run the program ["touch" "`+trace+`"]`), ContainSubstring("read the environment variable HASS_TOKEN"), ContainSubstring("--trust-run")))
		Expect(trace).NotTo(BeAnExistingFile())

		came = needwant(ctx, command, path, "--trust-run", "--quiet")
		Expect(came.Stderr).To(ContainSubstring("As --trust-run says, it may:\n  run the program"))
		Expect(trace).To(BeAnExistingFile())
	},
		Entry("by resume", "resume", SpecTimeout(time.Minute)),
		Entry("by verify", "verify", SpecTimeout(time.Minute)),
	)

	It("runs nothing by bisect --resume with another spec, and all of the user's own", func(ctx SpecContext) {
		path := received(curious(trace, ""))
		came := needwant(ctx, "bisect", file("other.yaml", curious("/dev/null", "")), "--resume", "--out", path)
		Expect(came.Code).To(Equal(2))
		Expect(came.Stderr).To(ContainSubstring("--trust-run"))
		Expect(trace).NotTo(BeAnExistingFile())

		came = needwant(ctx, "bisect", file("same.yaml", curious(trace, "")), "--resume", "--out", path, "--quiet")
		Expect(came.Stderr).NotTo(ContainSubstring("--trust-run"))
		Expect(trace).To(BeAnExistingFile())
	}, SpecTimeout(time.Minute))

	DescribeTable("reads no file outside of its directory, trusted or not", func(ctx SpecContext, text string) {
		path := received(curious(trace, strings.ReplaceAll(text, "OUTSIDE", file("secret", "hush"))))
		Expect(os.Symlink("/etc/shadow", filepath.Join(filepath.Dir(path), "link"))).To(Succeed())
		for _, flags := range [][]string{nil, {"--trust-run"}} {
			came := needwant(ctx, append([]string{"resume", path}, flags...)...)
			Expect(came.Code).To(Equal(2), came.Stderr)
			Expect(came.Stderr).To(ContainSubstring("outside of its directory"))
			Expect(trace).NotTo(BeAnExistingFile())
		}
	},
		Entry("by its whole path", "secrets: {miio: file:OUTSIDE}\n", SpecTimeout(time.Minute)),
		Entry("by a path that leads out", "secrets: {hass: file:../../etc/shadow}\n", SpecTimeout(time.Minute)),
		Entry("by a link", "secrets: {hass: file:link}\n", SpecTimeout(time.Minute)),
		Entry("for a program", "  more: {steps: [{exec: {command: [env], env: {SHADOW: file:/etc/shadow}}}]}\n", SpecTimeout(time.Minute)),
		Entry("for a request", "  more: {steps: [{http: {url: 'http://192.0.2.1', headers: {X: file:/etc/shadow}}}]}\n", SpecTimeout(time.Minute)),
	)

	It("reads no world outside of its directory", func(ctx SpecContext) {
		world := file("world.yaml", lampWorld)
		came := needwant(ctx, "resume", received(strings.Replace(curious(trace, ""), "s50-thread", world, 1)), "--trust-run")
		Expect(came.Code).To(Equal(2))
		Expect(came.Stderr).To(ContainSubstring("read the world " + world))
	}, SpecTimeout(time.Minute))

	It("cannot take over this machine's network unseen", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		came := h.needwant(ctx, "resume", received("apiVersion: needwant/v1\nkind: Scenarios\ndevice: {mac: '7c:49:eb:00:00:01'}\n"+
			"gateway: {placement: nic, inside: inside, uplink: uplink}\nscenarios:\n  app: {steps: [{ping: {host: 192.168.50.10}}]}\n"))
		Expect(came.Code).To(Equal(2), came.Stderr)
		Expect(came.Stderr).To(ContainSubstring("change this machine's network: placement nic inside uplink"))
		h.expectAsBefore(ctx, before)
	}, SpecTimeout(time.Minute))

	It("needs no trust if it only asks the device of a lab", func(ctx SpecContext) {
		path := received("apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: s50-thread}\nscenarios:\n  app: {steps: [{miio: get_status}]}\n")
		came := needwant(ctx, "resume", path, "--quiet", "--budget", "2")
		Expect(came.Code).NotTo(Equal(2), came.Stderr)
	}, SpecTimeout(time.Minute))
})

var _ = Describe("a run that was begun here", Label("root"), func() {
	It("is continued without being trusted, until its text changes", func(ctx SpecContext) {
		trace := filepath.Join(GinkgoT().TempDir(), "trace")
		spec := file("mine.yaml", curious(trace, ""))
		path := filepath.Join(filepath.Dir(spec), "mine.run")
		begun := needwant(ctx, "bisect", spec, "--budget", "1", "--order", "1", "--out", path, "--quiet")
		Expect(begun.Code).NotTo(Equal(2), begun.Stderr)
		Expect(os.Remove(trace)).To(Succeed())
		came := needwant(ctx, "resume", path, "--budget", "2", "--quiet")
		Expect(came.Stderr).NotTo(ContainSubstring("--trust-run"))
		Expect(trace).To(BeAnExistingFile())

		run, err := runfile.Load(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		run.Settings.Text = strings.Replace(run.Settings.Text, "touch", "rm", 1)
		changed, err := runfile.Create(filepath.Join(filepath.Dir(path), "changed.run"), run)
		Expect(err).NotTo(HaveOccurred())
		Expect(changed.Close()).To(Succeed())
		came = needwant(ctx, "resume", filepath.Join(filepath.Dir(path), "changed.run"))
		Expect(came.Code).To(Equal(2))
		Expect(came.Stderr).To(ContainSubstring("--trust-run"))
		Expect(trace).To(BeAnExistingFile())
	}, SpecTimeout(2*time.Minute))
})
