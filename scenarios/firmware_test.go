package scenarios_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the firmware of a device", func() {
	read := func(ctx SpecContext, firmware string) (string, error) {
		GinkgoHelper()
		file, err := scenarios.Parse("lamp.yaml", []byte(labHead+"    steps: [{wait: 1s}]\n"+firmware))
		Expect(err).NotTo(HaveOccurred())
		return file.ReadFirmware(ctx)
	}
	printed := func(format string) string {
		return "firmware: {exec: {command: [printf, '" + format + "']}, save: {firmware: stdout}}\n"
	}

	It("is what the spec's step saves", func(ctx SpecContext) {
		Expect(read(ctx, printed(`3.5.8_002034\n`))).To(Equal("3.5.8_002034"))
		Expect(read(ctx, `firmware: {exec: {command: [echo, '{"update": {"old_version": 14}}']}, save: {firmware: json.update.old_version}}`)).To(Equal("14"))
		Expect(read(ctx, "")).To(BeEmpty(), "the spec does not say how to read it")
	}, SpecTimeout(10*time.Second))

	DescribeTable("is unknown if", func(ctx SpecContext, firmware, why string) {
		_, err := read(ctx, firmware)
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("the answer is empty", printed(`\n`), "is not a firmware", SpecTimeout(10*time.Second)),
		Entry("the answer has several lines", printed(`1.0\n2.0`), "is not a firmware", SpecTimeout(10*time.Second)),
		Entry("the answer is long", printed(strings.Repeat("1", 101)), "is not a firmware", SpecTimeout(10*time.Second)),
		Entry("the answer does not have it", `firmware: {exec: {command: [echo, '{}']}, save: {firmware: json.version}}`, "is not a firmware", SpecTimeout(10*time.Second)),
		Entry("the command fails", "firmware: {exec: {command: ['false']}, save: {firmware: stdout}}", "exit == 0", SpecTimeout(10*time.Second)),
	)

	It("is read by what someone else's spec does on this machine", func() {
		file, err := scenarios.Parse("lamp.yaml", []byte(labHead+"    steps: [{wait: 1s}]\n"+printed("1.0")))
		Expect(err).NotTo(HaveOccurred())
		Expect(file.Demands()).To(ContainElement(HaveField("What", `["printf" "1.0"]`)))
	})
})
