package main

import (
	"bytes"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
)

var _ = Describe("the run file of a lab", func() {
	// begin is where a run is saved, "" if nowhere, and what is said about it.
	begin := func(flags *labFlags, name string) (string, string, error) {
		GinkgoHelper()
		world, err := lab.Find(usualWorld)
		Expect(err).NotTo(HaveOccurred())
		command, said := labCommand(), &bytes.Buffer{}
		command.SetErr(said)
		kept, err := flags.begin(command, lablane.NewRun(world, harness.Settings{Faults: []harness.Fault{harness.Reject}}), name)
		if err == nil {
			Expect(kept.Close()).To(Succeed())
		}
		return flags.display.end.saved, said.String(), err
	}

	It("has the world's name, and a number if there is such a file", func() {
		name := filepath.Join(GinkgoT().TempDir(), "s50-thread")
		for _, want := range []string{name + ".run", name + "-2.run", name + "-3.run"} {
			saved, said, err := begin(&labFlags{}, name)
			Expect(err).NotTo(HaveOccurred())
			Expect(said).To(BeEmpty())
			Expect(saved).To(Equal(want))
			Expect(want).To(BeARegularFile())
		}
	})

	It("is not made if nobody wants it", func() {
		name := filepath.Join(GinkgoT().TempDir(), "s50-thread")
		saved, _, err := begin(&labFlags{discard: true}, name)
		Expect(err).NotTo(HaveOccurred())
		Expect(saved).To(BeEmpty())
		Expect(name + ".run").NotTo(BeAnExistingFile())
	})

	It("is not needed, unless the user named one", func() {
		folder := filepath.Join(GinkgoT().TempDir(), "none")
		saved, said, err := begin(&labFlags{}, filepath.Join(folder, "s50-thread"))
		Expect(err).NotTo(HaveOccurred())
		Expect(saved).To(BeEmpty())
		Expect(said).To(ContainSubstring("This run is not saved: run file"))

		_, _, err = begin(&labFlags{out: filepath.Join(folder, "mine.run")}, "s50-thread")
		Expect(err).To(MatchError(runfile.NotWritable))
	})
})
