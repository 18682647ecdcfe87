package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

const labSpec = "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: s50-thread}\nscenarios:\n"

var _ = Describe("needwant check", Label("root"), func() {
	It("says what each step saw, from scenario new to a device that works", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "mine.yaml")
		made := needwant(ctx, "scenario", "new", path, "--placement", "lab")
		Expect(made.Code).To(Equal(0), made.Stderr)
		Expect(made.Stdout).To(ContainSubstring("next:  needwant check " + path))

		run := needwant(ctx, "check", path)
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(And(
			MatchRegexp(`(?m)^native_app works, from gateway`), MatchRegexp(`(?m)^  ok +miio get_status +\[\{.*"state":8`),
			MatchRegexp(`(?m)^hass works, from lan`), MatchRegexp(`(?m)^  ok +hass vacuum.device +state "docked", path lan$`)))
	}, SpecTimeout(time.Minute))

	DescribeTable("tells by its exit code", func(ctx SpecContext, list string, code int, stdout, stderr string) {
		run := needwant(ctx, "check", file("spec.yaml", labSpec+list))
		Expect(run.Code).To(Equal(code), run.Stdout+run.Stderr)
		Expect(run.Stdout).To(ContainSubstring(stdout))
		Expect(run.Stderr).To(ContainSubstring(stderr))
	},
		Entry("that a scenario fails with nothing blocked", "  app: {steps: [{miio: get_status, expect: 'result[0].state == 77'}]}\n",
			1, "expected result[0].state == 77, got 8", "does not work with nothing blocked", SpecTimeout(time.Minute)),
		Entry("that a scenario could not be judged, with the remedy", "  app: {from: lan, steps: [{hass: {url: 'http://192.168.1.5:8123', entity: vacuum.mine}}]}\n",
			3, "look up its name under Developer tools", "could not be judged", SpecTimeout(time.Minute)),
		Entry("that the spec is bad", "  app: {steps: [{miio: {methd: a}}]}\n", 2, "", `did you mean "method"?`, SpecTimeout(time.Minute)),
		Entry("that a secret is missing", "  app: {steps: [{http: {url: 'http://192.168.1.5', headers: {Authorization: env:NOT_THERE}}}]}\n",
			3, "", "export NOT_THERE=", SpecTimeout(time.Minute)),
	)

	It("writes the outcomes as JSON", func(ctx SpecContext) {
		run := needwant(ctx, "check", "--json", file("spec.yaml", labSpec+"  app: {steps: [{miio: get_status}]}\n"))
		var outcomes map[string]harness.Outcome
		Expect(json.Unmarshal([]byte(run.Stdout), &outcomes)).To(Succeed())
		Expect(outcomes).To(HaveKeyWithValue("app", HaveField("Answer", harness.Pass)))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("needwant check", func() {
	It("moves no real device without having been told to", func(ctx SpecContext) {
		run := needwant(ctx, "check", "roborock-s50")
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(ContainSubstring("--allow-actuation"))
	}, SpecTimeout(time.Minute))

	It("suggests a tag", func(ctx SpecContext) {
		run := needwant(ctx, "check", "roborock-s50", "--tag", "locl")
		Expect(run.Code).To(Equal(2))
		Expect(run.Stderr).To(ContainSubstring(`did you mean "local"?`))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("needwant scenario", func() {
	It("lists and shows what comes along", func(ctx SpecContext) {
		Expect(needwant(ctx, "scenario", "list").Stdout).To(MatchRegexp(`(?m)^roborock-s50 +Roborock S50`))
		Expect(needwant(ctx, "scenario", "list", "miio").Stdout).To(ContainSubstring("miIO.info"))
	}, SpecTimeout(time.Minute))

	DescribeTable("new writes a spec that is good, for", func(ctx SpecContext, args ...string) {
		path := filepath.Join(GinkgoT().TempDir(), "new.yaml")
		made := needwant(ctx, append([]string{"scenario", "new", path}, args...)...)
		Expect(made.Code).To(Equal(0), made.Stderr)
		Expect(needwant(ctx, "scenario", "validate", path).Stdout).To(ContainSubstring("fine, a spec of"))
		Expect(filepath.Join(filepath.Dir(path), "scenario.v1.json")).To(BeARegularFile())
		again := needwant(ctx, append([]string{"scenario", "new", path}, args...)...)
		Expect(again).To(And(HaveField("Code", 2), HaveField("Stderr", ContainSubstring("is there already"))))
	},
		Entry("a lab", "--placement", "lab", SpecTimeout(time.Minute)),
		Entry("a second network card", "--placement", "nic", "--inside", "enp3s0", "--address", "192.168.50.77", SpecTimeout(time.Minute)),
		Entry("a VLAN", "--placement", "vlan", "--vlan", "7", SpecTimeout(time.Minute)),
		Entry("one arm", "--placement", "onearm", "--like", "http-device", "--mac", "7c:49:eb:00:00:02", SpecTimeout(time.Minute)),
		Entry("a DNS server", "--placement", "dns", "--like", "http-device", SpecTimeout(time.Minute)),
		Entry("an access point", "--placement", "ap", "--like", "mqtt-device", "--mac", "7c:49:eb:00:00:02", SpecTimeout(time.Minute)),
		Entry("an IPv6 address", "--like", "http-device", "--address", "fd00::7", SpecTimeout(time.Minute)),
	)

	It("puts what the flags say into the spec", func(ctx SpecContext) {
		text := needwant(ctx, "scenario", "new", "-", "--address", "192.168.50.77", "--entity", "vacuum.mine", "--miio-token", "file:token").Stdout
		Expect(text).To(And(ContainSubstring(`address: "192.168.50.77"`), ContainSubstring("entity: vacuum.mine"), ContainSubstring("miio: file:token")))
	}, SpecTimeout(time.Minute))

	It("puts what a template needs into the spec", func(ctx SpecContext) {
		text := needwant(ctx, "scenario", "new", "-", "--like", "mqtt-device", "--broker", "192.168.1.8:1884", "--topic", "kettle").Stdout
		Expect(text).To(And(ContainSubstring("broker: 192.168.1.8:1884"), ContainSubstring("to: cmnd/kettle/STATUS"), ContainSubstring("topic: stat/kettle/STATUS")))
		text = needwant(ctx, "scenario", "new", "-", "--like", "android-app", "--app", "org.example.kettle", "--shows", "warm").Stdout
		Expect(text).To(And(ContainSubstring("force-stop, org.example.kettle]"), ContainSubstring("-p, org.example.kettle,"), ContainSubstring(`stdout contains "warm"`)))
		Expect(text).NotTo(Or(ContainSubstring("xiaomi"), ContainSubstring("Robot")))
	}, SpecTimeout(time.Minute))

	It("asks the page that it is told, at the address that the device has then", func(ctx SpecContext) {
		for page, url := range map[string]string{"/status?id=0": `"http://192.168.50.77/status?id=0"`, "https://plug.local:8443/x": `"https://plug.local:8443/x"`} {
			text := needwant(ctx, "scenario", "new", "-", "--like", "http-device", "--address", "192.168.50.77", "--page", page, "--expect", `status == 200 && json.state == "on"`).Stdout
			Expect(text).To(And(ContainSubstring("- http: {url: "+url+"}"), ContainSubstring(`expect: "status == 200 && json.state == \"on\""`)))
		}
	}, SpecTimeout(time.Minute))

	DescribeTable("new refuses, with the remedy,", func(ctx SpecContext, says string, args ...string) {
		run := needwant(ctx, append([]string{"scenario", "new", "-"}, args...)...)
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(BeEmpty())
		Expect(run.Stderr).To(ContainSubstring(says))
	},
		Entry("an unknown example", `did you mean "roborock-s50"?`, "--like", "roborok-s50", SpecTimeout(time.Minute)),
		Entry("an unknown placement", `did you mean "nic"?`, "--placement", "nick", SpecTimeout(time.Minute)),
		Entry("an address that is none", "not an IP address", "--address", "here", SpecTimeout(time.Minute)),
		Entry("a token written out", "must not be written out", "--miio-token", "00112233445566778899aabbccddeeff", SpecTimeout(time.Minute)),
		Entry("a page at the device's old address", "write the path alone, e.g. /status", "--like", "http-device", "--page", "http://192.168.1.23/status", SpecTimeout(time.Minute)),
		Entry("a page that is none", "write its path", "--like", "http-device", "--page", "status", SpecTimeout(time.Minute)),
		Entry("an expectation that is none", "expect", "--like", "http-device", "--expect", "status = 200", SpecTimeout(time.Minute)),
		Entry("a question that does not arise", "leave it out", "--like", "http-device", "--entity", "a.b", SpecTimeout(time.Minute)),
	)

	It("tells of all that are bad", func(ctx SpecContext) {
		run := needwant(ctx, "scenario", "validate", file("a.yaml", "kind: a\n"), "miio", file("b.yaml", "knd: b\n"))
		Expect(run.Code).To(Equal(2))
		Expect(run.Stdout).To(ContainSubstring("miio: fine"))
		Expect(run.Stderr).To(And(ContainSubstring("a.yaml:1:1"), ContainSubstring(`did you mean "kind"?`)))
	}, SpecTimeout(time.Minute))

	It("prints the schema that is published", func(ctx SpecContext) {
		published, err := os.ReadFile("../../docs/schema/scenario.v1.json")
		Expect(err).NotTo(HaveOccurred())
		Expect(needwant(ctx, "scenario", "schema").Stdout).To(Equal(string(published)))
	}, SpecTimeout(time.Minute))
})
