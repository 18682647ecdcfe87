package scenarios_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/miio"
)

var _ = Describe("a miio step", func() {
	engine := func(result string) *scenarios.Engine {
		return &scenarios.Engine{Device: newDevice(map[string]string{"m": result}).client()}
	}

	DescribeTable("judges what came back:", func(ctx SpecContext, result, expect string, answer harness.Answer) {
		outcome := check(ctx, engine(result), one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}, Expect: expect}))
		Expect(outcome.Answer).To(Equal(answer), outcome.Why)
	},
		Entry("a number among several", s50, "result[0].state in [3, 8, 100] && rtt_ms < 20000", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("a number not among several", s50, "result[0].state in [3, 10]", harness.Fail, SpecTimeout(20*time.Second)),
		Entry("a whole number", s50, "result[0].battery == 100", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("a fraction", "[1.5]", "result[0] > 1.4 && result[0] != 2", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("a text", `["ok"]`, `result[0] in ["ok", "done"]`, harness.Pass, SpecTimeout(20*time.Second)),
		Entry("a number where a text is expected", `[0]`, `result[0] in ["ok", "done"]`, harness.Fail, SpecTimeout(20*time.Second)),
		Entry("an empty list", `[]`, "result[0].state == 8", harness.Fail, SpecTimeout(20*time.Second)),
		Entry("a field that is not there", s50, "result[0].stat == 8", harness.Fail, SpecTimeout(20*time.Second)),
		Entry("nothing true or false", s50, "result[0].state", harness.Fail, SpecTimeout(20*time.Second)),
		Entry("null", `null`, "result == nil", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("an error", `"unknown_method"`, "", harness.Fail, SpecTimeout(20*time.Second)),
	)

	DescribeTable("fails when a device that knew the token answers with", func(ctx SpecContext, garbage func(right []byte) []byte) {
		d := newDevice(map[string]string{"m": s50})
		client := d.client()
		client.Attempts, client.Timeout = 10, 500*time.Millisecond
		scenario, err := (&scenarios.Engine{Device: client}).Scenario(one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}, Expect: "result[0].state == 8", Timeout: time.Second}))
		Expect(err).NotTo(HaveOccurred())
		control := scenario.Check(ctx)
		Expect(control.Answer).To(Equal(harness.Pass), control.Why)
		d.garble(garbage)
		outcome := scenario.Check(ctx)
		Expect(outcome.Answer).To(Equal(harness.Fail), outcome.Why)
	},
		Entry("nothing that is JSON", func([]byte) []byte { return sealed(`{"result":[net],"id":1}`) }, SpecTimeout(20*time.Second)),
		Entry("an empty payload", func([]byte) []byte { return sealed("\x00") }, SpecTimeout(20*time.Second)),
		Entry("a bare header", func(right []byte) []byte { return miio.HelloReply(7, 100).Bytes() }, SpecTimeout(20*time.Second)),
		Entry("a wrong checksum", func(right []byte) []byte {
			right[len(right)-1] ^= 1
			return right
		}, SpecTimeout(20*time.Second)),
		Entry("no id", func([]byte) []byte { return sealed(`{"error":{"code":-9999,"message":"user ack timeout"}}`) }, SpecTimeout(20*time.Second)),
	)

	It("takes an answer without a result for one", func(ctx SpecContext) {
		d := newDevice(map[string]string{"miIO.info": ""})
		outcome := check(ctx, &scenarios.Engine{Device: d.client()}, one(scenarios.Step{Do: &scenarios.Miio{Method: "miIO.info"}}))
		Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
		Expect(outcome.Steps[0].Saw).To(Equal("null"))
	}, SpecTimeout(20*time.Second))

	It("is inconclusive when the token is certainly wrong", func(ctx SpecContext) {
		client := newDevice(map[string]string{"m": "[]"}).hasty()
		other, err := miio.ParseToken("ff112233445566778899aabbccddeeff")
		Expect(err).NotTo(HaveOccurred())
		client.Token = other
		client.Dial = func(context.Context, string, string) (net.Conn, error) { return sealedBy(deviceSecret), nil }
		outcome := check(ctx, &scenarios.Engine{Device: client}, one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}}))
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("another token"))
	}, SpecTimeout(20*time.Second))

	It("fails when the token may be wrong, but the device may be silent as well", func(ctx SpecContext) {
		outcome := check(ctx, &scenarios.Engine{Device: newDevice(nil).hasty()}, one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}}))
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(ContainSubstring("may be wrong"))
	}, SpecTimeout(20*time.Second))

	It("is inconclusive when no socket can be opened", func(ctx SpecContext) {
		client := newDevice(nil).client()
		client.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no socket left") }
		outcome := check(ctx, &scenarios.Engine{Device: client}, one(scenarios.Step{Do: &scenarios.Miio{Method: "m"}}))
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("no socket left"))
	}, SpecTimeout(20*time.Second))

	It("keeps secrets out of its outcome", func(ctx SpecContext) {
		info := `{"model":"roborock.vacuum.s5","token":"` + deviceSecret + `","note":"` + strings.ToUpper(deviceSecret) + `","ap":{"ssid":"our home","bssid":"aa:bb"}}`
		step := scenarios.Step{Do: &scenarios.Miio{Method: "m"}, Expect: `result.ap.ssid == "another"`}
		outcome := check(ctx, engine(info), one(step))
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Steps[0].Saw).To(ContainSubstring("roborock.vacuum.s5"))
		expectClean(outcome, deviceSecret, strings.ToUpper(deviceSecret), "our home", "aa:bb")
	}, SpecTimeout(20*time.Second))
})

// sealed is a text as the device sends it.
func sealed(text string) []byte {
	token, err := miio.ParseToken(deviceSecret)
	if err != nil {
		panic(err)
	}
	packet, err := miio.Seal(token, 7, 100, []byte(text))
	if err != nil {
		panic(err)
	}
	return packet.Bytes()
}

// sealedBy is a connection to a device with this token, which answers whatever
// it is asked.
func sealedBy(secret string) net.Conn {
	near, far := net.Pipe()
	token, err := miio.ParseToken(secret)
	if err != nil {
		panic(err)
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			length, err := far.Read(buffer)
			if err != nil {
				return
			}
			answer := miio.HelloReply(7, 100)
			if packet, err := miio.Parse(buffer[:length]); err != nil || !packet.Hello {
				answer, _ = miio.Seal(token, 7, 100, []byte(`{"id":1,"result":[]}`))
			}
			if _, err := far.Write(answer.Bytes()); err != nil {
				return
			}
		}
	}()
	return near
}
