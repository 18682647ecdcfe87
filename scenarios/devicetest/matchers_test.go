package devicetest_test

import (
	"context"
	"encoding/json"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/devicetest"
	"github.com/needwant/needwant/scenarios/miio"
)

// answers is a device that has these, by method.
type answers map[string]string

func (a answers) Call(_ context.Context, method string, params any) (miio.Reply, error) {
	text, ok := a[method]
	if !ok {
		return miio.Reply{}, errors.New("the device is silent")
	}
	if list, ok := params.([]any); ok {
		asked, err := json.Marshal(list)
		if err != nil {
			return miio.Reply{}, err
		}
		text = string(asked)
	}
	return miio.Reply{Result: json.RawMessage(text)}, nil
}

var _ = Describe("the matchers", func() {
	vacuum := answers{"get_status": `[{"state": 8, "battery": 99.5, "name": "s50"}]`, "find_me": `["ok"]`}

	It("tell whether a device answers", func() {
		Expect(vacuum).To(devicetest.RespondTo("find_me", ""))
		Expect(vacuum).NotTo(devicetest.RespondTo("app_start"))
	})

	It("look at a device's state", func() {
		Expect(vacuum).To(devicetest.HaveState("state", 8))
		Expect(vacuum).To(devicetest.HaveState("state", BeElementOf(3, 8)))
		Expect(vacuum).To(devicetest.HaveState("battery", BeNumerically(">", 99)))
		Expect(vacuum).To(devicetest.HaveState("name", "s50"))
		Expect(vacuum).NotTo(devicetest.HaveState("state", 3))
		Expect(vacuum).NotTo(devicetest.HaveState("stat", 8))
		Expect(answers{}).NotTo(devicetest.HaveState("state", 8))
	})

	DescribeTable("say what they saw:", func(actual any, matcher OmegaMatcher, says string) {
		said := InterceptGomegaFailure(func() { Expect(actual).To(matcher) })
		Expect(said).To(MatchError(ContainSubstring(says)))
	},
		Entry("silence", vacuum, devicetest.RespondTo("app_start"), "should answer app_start: the device is silent"),
		Entry("an answer", vacuum, Not(devicetest.RespondTo("find_me")), "it answered [ok]"),
		Entry("another state", vacuum, devicetest.HaveState("state", 3), "the device's state: Expected"),
		Entry("the same state", vacuum, Not(devicetest.HaveState("state", 8)), "should be another than 8"),
		Entry("no such field", vacuum, devicetest.HaveState("stat", 3), "has no stat"),
		Entry("no device", 7, devicetest.RespondTo("find_me"), "devicetest.Device()"),
		Entry("no status", answers{"get_status": "7"}, devicetest.HaveState("state", 3), "has no fields"),
	)

	It("say what to set if there is no device", func() {
		GinkgoT().Setenv("NEEDWANT_DEVICE", "")
		Expect(func() { devicetest.Device() }).To(PanicWith(MatchError(ContainSubstring("export NEEDWANT_DEVICE="))))
		GinkgoT().Setenv("NEEDWANT_DEVICE", "192.0.2.1")
		GinkgoT().Setenv("NEEDWANT_MIIO_TOKEN", "")
		Expect(func() { devicetest.Device() }).To(PanicWith(MatchError(ContainSubstring("secrets:"))))
	})
})
