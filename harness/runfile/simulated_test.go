package runfile_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run on a simulated device", func() {
	loaded := func(settings harness.Settings) bool {
		GinkgoHelper()
		path := GinkgoT().TempDir() + "/a.run"
		file, err := runfile.Create(path, harness.Run{Settings: settings})
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Close()).To(Succeed())
		run, err := runfile.Load(context.Background(), path)
		Expect(err).NotTo(HaveOccurred())
		return run.Settings.Simulated
	}

	It("is known by its field", func() {
		Expect(loaded(harness.Settings{Simulated: true})).To(BeTrue())
		Expect(loaded(harness.Settings{})).To(BeFalse())
	})

	DescribeTable("is known by its text, if an earlier version wrote it", func(text string, simulated bool) {
		Expect(loaded(harness.Settings{Text: text})).To(Equal(simulated))
	},
		Entry("of a world", "apiVersion: needwant/v1\nkind: World\nname: x\n", true),
		Entry("of a world with a comment", "kind: World # of mine\n", true),
		Entry("of a world in quotes", "\"kind\" : 'World'\r\n", true),
		Entry("of a world on one line", "{apiVersion: needwant/v1, kind: World, name: x}", true),
		Entry("of a spec on a lab", "kind: Scenarios\ngateway: {placement: lab, world: s50-thread}\n", true),
		Entry("of a spec on a lab, in lines", "kind: Scenarios\ngateway:\n  placement: \"lab\" # for now\n", true),
		Entry("of a spec for a real device", "kind: Scenarios\ngateway: {placement: nic}\n", false),
		Entry("of a spec whose comment names the lab", "kind: Scenarios\ngateway: {placement: nic} # or placement: lab\n# kind: World\n", false),
		Entry("of a spec with a placement that begins alike", "kind: Scenarios\ngateway: {placement: labyrinth}\n", false),
	)
})
