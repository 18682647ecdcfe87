package scenarios_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/miio"
)

// anyEngine makes scenarios that are never run.
func anyEngine() *scenarios.Engine { return &scenarios.Engine{Device: &miio.Client{}} }

func one(step scenarios.Step) scenarios.Spec {
	return scenarios.Spec{Name: "one", Steps: []scenarios.Step{step}}
}

var _ = Describe("a kind of step", func() {
	It("says what its arguments are, what its result has, and how to write it", func() {
		for _, kind := range scenarios.Kinds() {
			Expect(kind.About).To(HaveSuffix("."), kind.Name)
			Expect(kind.Fails).To(HaveSuffix("."), kind.Name)
			for field := range reflect.TypeOf(kind.New()).Elem().Fields() {
				if field.IsExported() {
					Expect(field.Tag.Get("about")).To(HaveSuffix("."), kind.Name+"."+field.Name)
				}
			}
			for field := range reflect.TypeOf(kind.Result).Fields() {
				Expect(field.Tag.Get("about")).To(HaveSuffix("."), kind.Name+"."+field.Name)
				Expect(field.Tag.Get("expr")).NotTo(BeEmpty(), kind.Name+"."+field.Name)
			}
		}
	})

	It("has a name of its own", func() {
		names := map[string]bool{}
		for _, kind := range scenarios.Kinds() {
			Expect(names).NotTo(HaveKey(kind.Name))
			names[kind.Name] = true
		}
		Expect(names).To(And(HaveKey("miio"), HaveKey("hass"), HaveKey("http")))
	})
})

var _ = Describe("a spec", func() {
	DescribeTable("may expect", func(do scenarios.Action, expect string) {
		_, err := anyEngine().Scenario(one(scenarios.Step{Do: do, Expect: expect}))
		Expect(err).NotTo(HaveOccurred())
	},
		Entry("a state among several", &scenarios.Miio{Method: "get_status"}, "result[0].state in [3, 8, 100] && rtt_ms < 2000"),
		Entry("an answer of any kind", &scenarios.Miio{Method: "get_status"}, ""),
		Entry("an attribute", &scenarios.Hass{URL: "http://h", Entity: "vacuum.s50"}, `state != "unavailable" && attributes.battery_level > 20`),
		Entry("a part of the answer", &scenarios.HTTP{URL: "http://h"}, `status == 200 && json.ok == true && text contains "ok"`),
	)

	DescribeTable("is refused, with the place and the remedy, for", func(do scenarios.Action, expect, part string, says ...string) {
		spec := scenarios.Spec{Name: "two", Steps: []scenarios.Step{{Do: &scenarios.Miio{Method: "get_status"}}, {Do: do, Expect: expect}}}
		_, err := anyEngine().Scenario(spec)
		place, ok := errors.AsType[*scenarios.StepError](err)
		Expect(ok).To(BeTrue(), "%v", err)
		Expect(place).To(And(HaveField("Scenario", "two"), HaveField("Step", 2), HaveField("Part", part)))
		for _, said := range says {
			Expect(err).To(MatchError(ContainSubstring(said)))
		}
	},
		Entry("a misspelt field", &scenarios.Miio{Method: "m"}, "true && rtt < 5", "expect", "unknown name rtt at line 1, column 9", "attempts, result, rtt_ms"),
		Entry("a field of another kind", &scenarios.Hass{URL: "http://h", Entity: "vacuum.s50"}, "status == 200", "expect", "unknown name status", "attributes, fresh, path, rtt_ms, state"),
		Entry("a comparison of unlike things", &scenarios.HTTP{URL: "http://h"}, `status == "200"`, "expect", "== cannot be used with a number and a text"),
		Entry("a number that is neither true nor false", &scenarios.HTTP{URL: "http://h"}, "!status", "expect", "! cannot be used with a number at"),
		Entry("a word in the wrong place", &scenarios.HTTP{URL: "http://h"}, "status eq 200", "expect", `"eq" is not expected here: compare with ==`),
		Entry("a sign in the wrong place", &scenarios.HTTP{URL: "http://h"}, "status < 99% && true", "expect", `"&&" is not expected here: `),
		Entry("a sign of no meaning", &scenarios.HTTP{URL: "http://h"}, "@status", "expect", "'@' is not expected here: "),
		Entry("a number with a unit", &scenarios.HTTP{URL: "http://h"}, "status < 5s", "expect", `"5s" is not a number`),
		Entry("a text without end", &scenarios.HTTP{URL: "http://h"}, `text == "ok`, "expect", "a text has no quote at its end"),
		Entry("an expectation that is neither true nor false", &scenarios.HTTP{URL: "http://h"}, "status + 1", "expect", "neither true nor false: compare it"),
		Entry("an expectation with a pattern that is none", &scenarios.HTTP{URL: "http://h"}, `text matches "("`, "expect", "not a regular expression: missing closing )"),
		Entry("an expectation that ends too early", &scenarios.HTTP{URL: "http://h"}, "status ==", "expect", "it ends too early"),
		Entry("a comparison with a single =", &scenarios.HTTP{URL: "http://h"}, "status = 200", "expect", "a single = does not compare: write == at line 1, column 8"),
		Entry("nothing to do", nil, "", "do", "does nothing"),
		Entry("no method", &scenarios.Miio{}, "", "do", "get_status"),
		Entry("no url", &scenarios.Hass{Entity: "vacuum.s50"}, "", "do", "needs a url"),
		Entry("no entity", &scenarios.Hass{URL: "http://h"}, "", "do", "needs an entity"),
		Entry("a url of another kind", &scenarios.HTTP{URL: "ftp://h"}, "", "do", "http:// or https://"),
		Entry("an impossible method", &scenarios.HTTP{URL: "http://h", Method: "G ET"}, "", "do", `method "G ET"`),
	)

	It("is refused when the engine has no device to ask", func() {
		_, err := new(scenarios.Engine).Scenario(one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}}))
		Expect(err).To(MatchError(ContainSubstring("scenario one, step 1, do: miio needs a device")))
	})

	DescribeTable("is refused for", func(change func(*scenarios.Spec), says string) {
		spec := scenarios.NativeApp()
		change(&spec)
		_, err := anyEngine().Scenario(spec)
		Expect(err).To(MatchError(ContainSubstring(says)))
	},
		Entry("no name", func(s *scenarios.Spec) { s.Name = "" }, "as in native_app"),
		Entry("a name that is no id", func(s *scenarios.Spec) { s.Name = "native@boot" }, "as in native_app"),
		Entry("an unknown place", func(s *scenarios.Spec) { s.From = "moon" }, "gateway, lan or host"),
		Entry("no steps", func(s *scenarios.Spec) { s.Steps = nil }, "no steps"),
	)

	It("names its column", func() {
		scenario, err := anyEngine().Scenario(one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(scenario.Name).To(Equal("one"))
		Expect(scenario.Title).To(Equal("Required for one?"))
		Expect(scenario.Vantage).To(Equal("gateway"))
		Expect(scenarios.NativeApp().Info()).To(Equal(harness.ScenarioInfo{
			Name: "native_app", Title: "Required for Native App?", Vantage: "gateway",
			Checks: "one read (get_status) and one action (find_me) over the miIO local protocol",
		}))
	})
})

// serve runs a server of the web that gives the same answer to everybody.
func serve(status int, text string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	DeferCleanup(server.Close)
	return server.URL
}

// nobody is an address where no server is.
func nobody() string {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	Expect(listener.Close()).To(Succeed())
	return "http://" + listener.Addr().String() + "/" + strings.Repeat("x", 3)
}
