package main_test

import (
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("needwant report --compare", func() {
	var none, needy string
	BeforeEach(func() {
		none, needy = lampRun("none.run", harness.Pass), lampRun("needy.run", harness.Fail)
	})

	It("ends with 1 when something became required, and with 0 when not", func(ctx SpecContext) {
		worse := needwant(ctx, "report", "--compare", none, needy)
		Expect(worse.Code).To(Equal(1))
		Expect(worse.Stdout).To(ContainSubstring("mqtt.lamp.example on tcp/8883 is required now"))
		better := needwant(ctx, "report", "--compare", needy, none)
		Expect(better.Code).To(Equal(0), better.Stderr)
		Expect(better.Stdout).To(HavePrefix("Nothing became required."))
	}, SpecTimeout(30*time.Second))

	It("ends with 4 when the runs leave open whether something became required", func(ctx SpecContext) {
		open := needwant(ctx, "report", "--compare", none, lampRun("open.run", harness.Inconclusive))
		Expect(open.Code).To(Equal(4), open.Stderr)
		Expect(open.Stdout).To(HavePrefix("Nothing is known to have become required"))
	}, SpecTimeout(30*time.Second))

	It("is as wide as the window", func(ctx SpecContext) {
		typing, screen := terminal()
		Expect(unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 70})).To(Succeed())
		command := exec.CommandContext(ctx, program, "report", "--compare", none, needy)
		command.Stdout = screen
		Expect(command.Start()).To(Succeed())
		Expect(screen.Close()).To(Succeed())
		text, _ := io.ReadAll(typing) // it ends with an error once the terminal is closed
		_ = command.Wait()
		lines := strings.Split(drawn.ReplaceAllString(string(text), ""), "\n")
		Expect(len(lines)).To(BeNumerically(">", 5))
		for _, line := range lines {
			Expect(displaywidth.String(line)).To(BeNumerically("<=", 70), line)
		}
	}, SpecTimeout(30*time.Second))

	It("takes two runs, and is written as text or md", func(ctx SpecContext) {
		Expect(needwant(ctx, "report", "--compare", none).Code).To(Equal(2))
		Expect(needwant(ctx, "report", none, needy).Code).To(Equal(2))
		Expect(needwant(ctx, "report", "--compare", "--format", "csv", none, needy)).To(SatisfyAll(
			HaveField("Code", 2), HaveField("Stderr", ContainSubstring("text or md"))))
		Expect(needwant(ctx, "report", "--compare", "--format", "md", none, none).Stdout).To(HavePrefix("### Nothing became required."))
	}, SpecTimeout(30*time.Second))
})

// lampRun is the run file of a lamp with one destination, and what came of
// blocking it.
func lampRun(name string, answer harness.Answer) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	server := harness.Destination{Protocol: "tcp", Port: 8883, Name: "mqtt.lamp.example"}
	run, err := runfile.Create(path, harness.Run{
		ID: name, Started: time.Now(), Device: harness.Device{Model: "lamp.v1"},
		Settings:  harness.Settings{Order: "exact", Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}},
		Scenarios: []harness.ScenarioInfo{{Name: "switch", Title: "Required for switching?"}},
	})
	Expect(err).NotTo(HaveOccurred())
	for number, block := range [][]harness.Destination{nil, nil, {server}} {
		result := harness.Result{
			Trial:     harness.Trial{Number: number + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady},
			Outcomes:  map[string]harness.Outcome{"switch": {Answer: harness.Pass}},
			Seen:      harness.Observation{Contacts: []harness.Contact{{Destination: server, Tries: 3}}},
			Recovered: true,
		}
		if block != nil {
			result.Outcomes["switch"] = harness.Outcome{Answer: answer}
			result.Seen.Contacts[0].Attempts, result.Seen.Contacts[0].Touched = 3, 3
		}
		Expect(run.Append(result)).To(Succeed())
	}
	Expect(run.Finish(harness.Complete, "", time.Minute)).To(Succeed())
	Expect(run.Close()).To(Succeed())
	return path
}
