package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("bad input", func() {
	const head = "apiVersion: needwant/v1\nkind: World\nname: w\ndevice: {model: a.b.c, token: \"00112233445566778899aabbccddeeff\"}\n"
	const destinations = "destinations:\n  a: {host: a.example, addresses: [203.0.113.1], protocol: tcp, port: 443}\n"

	DescribeTable("in a world exits 2 with the place and the remedy", func(ctx SpecContext, text, place, message string) {
		path := file("w.yaml", text)
		for _, command := range [][]string{{"lab", path}, {"world", "validate", path}} {
			run := needwant(ctx, command...)
			Expect(run.Code).To(Equal(2))
			Expect(run.Stdout).To(BeEmpty())
			Expect(run.Stderr).To(ContainSubstring(path + place))
			Expect(run.Stderr).To(MatchRegexp(message))
		}
	},
		Entry("an unknown key", head+"tmpo: {contact: 1s}\n"+destinations, ":5:1:", `tmpo(.|\n)*tempo`, SpecTimeout(30*time.Second)),
		Entry("an after in a circle", head+"destinations:\n"+
			"  a: {host: a.example, addresses: [203.0.113.1], protocol: tcp, port: 443, after: [b]}\n"+
			"  b: {host: b.example, addresses: [203.0.113.2], protocol: tcp, port: 443, after: [a]}\n",
			":", `after(.|\n)*(circle|cycl)`, SpecTimeout(30*time.Second)),
		Entry("an unknown id in an expression", head+destinations+"functions: {control: \"a && bb\"}\n",
			":7:28:", `known are a`, SpecTimeout(30*time.Second)),
		Entry("an unknown function", head+destinations+"functions: {contrl: \"a\"}\n", ":7:13:", `contrl(.|\n)*control`, SpecTimeout(30*time.Second)),
		Entry("a binary file", "\x7fELF\x02\x01\x01\x00\x00", ":1:", `no text`, SpecTimeout(30*time.Second)),
	)

	It("is what a good world is not: its longest period is printed", func(ctx SpecContext) {
		path := file("w.yaml", head+destinations+"  b: {addresses: [203.0.113.2], protocol: tcp, port: 443, every: 168h}\n")
		run := needwant(ctx, "world", "validate", path, "fallbacks")
		Expect(run.Code).To(Equal(0))
		Expect(run.Stdout).To(Equal(path + ": fine, a world of 2 destinations; the longest period is 168 h\n" +
			"fallbacks: fine, a world of 5 destinations; the longest period is 60 ms\n"))
	}, SpecTimeout(30*time.Second))

	DescribeTable("in a spec exits 2 with the place and the remedy, before anything is touched, at", func(ctx SpecContext, verb ...string) {
		path, runtime := file("s.yaml", "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: nic, insde: eth1}\n"), GinkgoT().TempDir()
		command := exec.CommandContext(ctx, program, append(verb, path)...)
		command.Dir, command.Env = filepath.Dir(path), append(os.Environ(), "RUNTIME_DIRECTORY="+runtime)
		said, err := command.CombinedOutput()
		Expect(err).To(MatchError("exit status 2"), "%s", said)
		Expect(said).To(And(ContainSubstring(path+":3:27: "), ContainSubstring(`did you mean "inside"?`)))
		Expect(os.ReadDir(runtime)).To(BeEmpty(), "no lock and no journal")
		Expect(os.ReadDir(filepath.Dir(path))).To(HaveLen(1), "no run")
	},
		Entry("bisect", "bisect", SpecTimeout(30*time.Second)),
		Entry("bisect, for practice", "bisect", "--dry-run", SpecTimeout(30*time.Second)),
		Entry("check", "check", SpecTimeout(30*time.Second)),
		Entry("doctor", "doctor", SpecTimeout(30*time.Second)),
		Entry("gateway", "gateway", SpecTimeout(30*time.Second)),
		Entry("observe", "observe", SpecTimeout(30*time.Second)),
		Entry("validate", "scenario", "validate", SpecTimeout(30*time.Second)),
	)
})
