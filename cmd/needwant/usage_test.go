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

	DescribeTable("on the command line exits 2 with the remedy", func(ctx SpecContext, message string, args ...string) {
		run := needwant(ctx, args...)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(ContainSubstring(message))
	},
		Entry("an unknown world", `did you mean "s50-thread"?`, "lab", "s50-thred", SpecTimeout(30*time.Second)),
		Entry("an unknown flag", "--lnes", "lab", "--lnes", "2", SpecTimeout(30*time.Second)),
		Entry("an unknown fault", "it takes reject, drop", "lab", "--fault", "explode", SpecTimeout(30*time.Second)),
		Entry("a fault named twice", "each at most once", "lab", "--fault", "drop,drop", SpecTimeout(30*time.Second)),
		Entry("an unknown driver", "it takes ipset, iptables", "lab", "--driver", "ebpf", SpecTimeout(30*time.Second)),
		Entry("a fault that is misspelt", `did you mean "reject"?`, "lab", "--fault", "rejct", SpecTimeout(30*time.Second)),
		Entry("a format that is misspelt", `did you mean "html"?`, "lab", "--format", "htm", SpecTimeout(30*time.Second)),
		Entry("two runs without --compare", "add --compare", "report", "a.run", "b.run", SpecTimeout(30*time.Second)),
		Entry("no argument", "expected arguments: 1, got 0", "check", SpecTimeout(30*time.Second)),
		Entry("too many arguments", "expected arguments: at most 1, got 2", "lab", "a", "b", SpecTimeout(30*time.Second)),
		Entry("too few arguments", "expected arguments: at least 1, got 0", "world", "validate", SpecTimeout(30*time.Second)),
		Entry("a time without its unit", "--for 1: expected a time with its unit, e.g. 90s", "observe", "s50.yaml", "--for", "1", SpecTimeout(30*time.Second)),
		Entry("a number that is not one", "--lanes two: expected a whole number", "lab", "--lanes", "two", SpecTimeout(30*time.Second)),
		Entry("a rate that is not one", "--max-noise much: expected a number", "lab", "--max-noise", "much", SpecTimeout(30*time.Second)),
		Entry("an impossible order", "exact or a number", "lab", "--order", "0", SpecTimeout(30*time.Second)),
		Entry("an unknown format", "choose one of", "lab", "--format", "pdf", SpecTimeout(30*time.Second)),
		Entry("a run that is not there", "check the name", "report", "nowhere.run", SpecTimeout(30*time.Second)),
		Entry("a run file that is none", "is not a run file", "resume", "/etc/hostname", SpecTimeout(30*time.Second)),
	)

	DescribeTable("is avoided by completion, of", func(ctx SpecContext, name string, args ...string) {
		Expect(needwant(ctx, append([]string{"__complete"}, args...)...).Stdout).To(MatchRegexp(`(?m)^` + name + `(\t|$)`))
	},
		Entry("worlds", "s50-thread", "lab", "", SpecTimeout(30*time.Second)),
		Entry("faults", "nxdomain", "lab", "--fault", "", SpecTimeout(30*time.Second)),
		Entry("formats of reports", "html", "report", "--format", "", SpecTimeout(30*time.Second)),
		Entry("formats of exports", "adguard", "export", "--format", "", SpecTimeout(30*time.Second)),
		Entry("templates", "roborock-s50", "scenario", "new", "--like", "", SpecTimeout(30*time.Second)),
	)

	It("never overwrites a run", func(ctx SpecContext) {
		path := file("old.run", "precious")
		run := needwant(ctx, "lab", "all-optional", "--out", path)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(ContainSubstring("exists already"))
		Expect(path).To(BeAnExistingFile())
	}, SpecTimeout(30*time.Second))
})
