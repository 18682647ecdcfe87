package main_test

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a machine that is too busy for a lab", Label("root"), func() {
	It("spoils a trial, not a verdict", func(ctx SpecContext) {
		command := exec.CommandContext(ctx, program, "lab", "all-optional", "--json", "--quiet", "--discard")
		output, err := command.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		var suspects []string
		stopped := false
		events := bufio.NewScanner(output)
		events.Buffer(nil, 1<<20)
		for events.Scan() {
			var event harness.Event
			Expect(json.Unmarshal(events.Bytes(), &event)).To(Succeed())
			if event.Kind == harness.Began && !event.Trial.Control() && !stopped {
				stopped = true
				pause(ctx, 100*time.Millisecond) // told before it begins, a trial takes three times that at least
				Expect(command.Process.Signal(syscall.SIGSTOP)).To(Succeed())
				pause(ctx, 500*time.Millisecond)
				Expect(command.Process.Signal(syscall.SIGCONT)).To(Succeed())
			}
			if event.Result != nil && event.Result.Suspect != "" {
				suspects = append(suspects, event.Result.Suspect)
			}
		}
		Expect(command.Wait()).To(Succeed(), "every cell is decided")
		Expect(suspects).To(ContainElement(ContainSubstring("too busy")))
	}, SpecTimeout(2*time.Minute))
})
