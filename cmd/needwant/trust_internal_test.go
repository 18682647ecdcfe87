package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the runs that were begun here", func() {
	run := harness.Run{ID: "A", Settings: harness.Settings{Source: "a.yaml", Text: "text"}}
	var directory string
	BeforeEach(func() {
		state := GinkgoT().TempDir()
		GinkgoT().Setenv("XDG_STATE_HOME", state)
		directory = filepath.Join(state, "needwant", "runs")
	})

	It("are known by their id, source and text", func() {
		Expect(remembered(run)).To(BeFalse())
		Expect(remember(run)).To(Succeed())
		Expect(remembered(run)).To(BeTrue())
		for _, change := range []func(*harness.Run){
			func(r *harness.Run) { r.ID = "B" }, func(r *harness.Run) { r.Settings.Source = "/etc/a.yaml" }, func(r *harness.Run) { r.Settings.Text += " " },
		} {
			other := run
			change(&other)
			Expect(remembered(other)).To(BeFalse())
		}
	})

	It("are not believed if another user could have written them down", func() {
		Expect(remember(run)).To(Succeed())
		Expect(os.Chmod(directory, 0o777)).To(Succeed())
		Expect(remembered(run)).To(BeFalse())
		Expect(os.Chmod(directory, 0o700)).To(Succeed())
		Expect(os.Chmod(filepath.Join(directory, fingerprint(run)), 0o666)).To(Succeed())
		Expect(remembered(run)).To(BeFalse())
		Expect(os.Remove(filepath.Join(directory, fingerprint(run)))).To(Succeed())
		Expect(os.Symlink("/etc/hostname", filepath.Join(directory, fingerprint(run)))).To(Succeed())
		Expect(remembered(run)).To(BeFalse())
	})

	It("do not grow without end", func() {
		for i := range mostRemembered + 5 {
			other := run
			other.ID = strconv.Itoa(i)
			Expect(remember(other)).To(Succeed())
		}
		Expect(os.ReadDir(directory)).To(HaveLen(mostRemembered))
	})
})

var _ = Describe("a question on the terminal", func() {
	It("takes one line, and nothing of the next", func(ctx SpecContext) {
		in, out, err := os.Pipe()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(in.Close)
		_, err = out.WriteString(" yes \nnext\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(out.Close()).To(Succeed())
		Expect(typedLine(ctx, in)).To(Equal("yes"))
		Expect(io.ReadAll(in)).To(BeEquivalentTo("next\n"))
	})

	It("ends with the program", func() {
		in, out, err := os.Pipe()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(in.Close)
		DeferCleanup(out.Close)
		ctx, stop := context.WithCancel(context.Background())
		stop()
		_, err = typedLine(ctx, in)
		Expect(err).To(MatchError(context.Canceled))
	})
})
