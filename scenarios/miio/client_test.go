package miio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

var _ = Describe("a client", func() {
	It("returns the result, the time it took and the attempt", func(ctx SpecContext) {
		d := switchOn()
		reply, err := d.client().Call(ctx, "find_me", []string{""})
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Result)).To(Equal(`["ok"]`))
		Expect(reply.Attempts).To(Equal(1))
		Expect(reply.RTT).To(And(BeNumerically(">", 0), BeNumerically("<", 5*time.Second)))

		hellos, requests := d.seen()
		Expect(hellos).To(Equal(1))
		Expect(requests).To(HaveLen(1))
		Expect(requests[0].Method).To(Equal("find_me"))
		Expect(string(requests[0].Params)).To(Equal(`[""]`))
	}, SpecTimeout(10*time.Second))

	It("says hello once for several calls, each with an id of its own", func(ctx SpecContext) {
		d := switchOn()
		client := d.client()
		for range 5 {
			_, err := client.Call(ctx, "get_status", nil)
			Expect(err).NotTo(HaveOccurred())
		}
		hellos, requests := d.seen()
		Expect(hellos).To(Equal(1))
		Expect(ids(requests)).To(HaveLen(5))
	}, SpecTimeout(10*time.Second))

	DescribeTable("meets the clock of a device that shows", func(ctx SpecContext, seconds uint32) {
		d := switchOn()
		d.clock = uptime(seconds)
		reply, err := d.client().Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Attempts).To(Equal(1))
	},
		Entry("its uptime", uint32(77), SpecTimeout(10*time.Second)),
		Entry("Unix time", uint32(1_700_000_000), SpecTimeout(10*time.Second)),
	)

	It("says hello again to a device that has restarted", func(ctx SpecContext) {
		d := switchOn()
		client := d.hasty()
		client.Attempts = 20
		_, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		before, _ := d.seen()

		d.mu.Lock()
		d.clock = uptime(1)
		d.mu.Unlock()
		reply, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Attempts).To(BeNumerically(">", 1))
		after, _ := d.seen()
		Expect(after - before).To(Equal(reply.Attempts - 1))
	}, SpecTimeout(10*time.Second))

	It("tries a deaf device again with new ids", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(n int, request miio.Request) [][]byte {
			if n < 3 {
				return nil
			}
			return d.say(request.ID, `["ok"]`)
		}
		client := d.hasty()
		client.Attempts = 20
		reply, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Attempts).To(BeNumerically(">=", 3))
		hellos, requests := d.seen()
		Expect(hellos).To(Equal(reply.Attempts))
		Expect(len(requests)).To(BeNumerically(">=", 3))
		Expect(ids(requests)).To(HaveLen(len(requests)))
	}, SpecTimeout(10*time.Second))

	It("ignores a late reply, and answers to anybody else", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(n int, request miio.Request) [][]byte {
			if n == 1 {
				return nil
			}
			late := d.say(d.requests[0].ID, `["late"]`)
			other := d.say(request.ID+1, `["other"]`)
			return append(append(late, other...), d.say(request.ID, `["right"]`)...)
		}
		client := d.hasty()
		client.Attempts = 20
		reply, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Result)).To(Equal(`["right"]`))
	}, SpecTimeout(10*time.Second))

	It("ignores what comes from elsewhere, and what is no miIO", func(ctx SpecContext) {
		elsewhere, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(elsewhere.Close)
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte {
			_, err := elsewhere.WriteTo(d.say(request.ID, `["elsewhere"]`)[0], d.from)
			Expect(err).NotTo(HaveOccurred())
			return append([][]byte{[]byte("rubbish"), {}, miio.Hello().Bytes()}, d.say(request.ID, `["right"]`)...)
		}
		reply, err := d.client().Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Result)).To(Equal(`["right"]`))
		Expect(reply.Attempts).To(Equal(1))
	}, SpecTimeout(10*time.Second))

	It("reads malformed JSON", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte {
			return d.seal(fmt.Appendf(nil, "{\"result\":[{\"state\":08,,\"otu_stat\":[1]}],\"id\":%d}\x00\x00", request.ID))
		}
		reply, err := d.client().Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Result).To(MatchJSON(`[{"state":8,"otu_stat":[1]}]`))
	}, SpecTimeout(10*time.Second))

	It("tries again after an error that may pass", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(n int, request miio.Request) [][]byte {
			if n < 3 {
				return d.complain(request.ID, miio.CodeAckTimeout, "user ack timeout")
			}
			return d.say(request.ID, `["ok"]`)
		}
		client := d.hasty()
		client.Attempts = 20
		reply, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Attempts).To(BeNumerically(">=", 3))
	}, SpecTimeout(10*time.Second))

	It("encodes params of any kind", func(ctx SpecContext) {
		d := switchOn()
		client := d.client()
		for _, params := range []any{nil, []int{1, 2}, map[string]string{"ssid": "<a>"}, json.RawMessage(`[[1,"x"]]`)} {
			_, err := client.Call(ctx, "set", params)
			Expect(err).NotTo(HaveOccurred())
		}
		_, requests := d.seen()
		Expect(requests[0].Params).To(MatchJSON(`[]`))
		Expect(requests[1].Params).To(MatchJSON(`[1,2]`))
		Expect(requests[2].Params).To(MatchJSON(`{"ssid":"<a>"}`))
		Expect(requests[3].Params).To(MatchJSON(`[[1,"x"]]`))
	}, SpecTimeout(10*time.Second))

	It("serves many callers at once", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte { return d.say(request.ID, string(request.Params)) }
		client := d.client()
		var callers sync.WaitGroup
		for caller := range 8 {
			callers.Go(func() {
				defer GinkgoRecover()
				for call := range 10 {
					params := []int{caller, call}
					reply, err := client.Call(ctx, "echo", params)
					Expect(err).NotTo(HaveOccurred())
					Expect(string(reply.Result)).To(Equal(fmt.Sprintf("[%d,%d]", caller, call)))
				}
			})
		}
		callers.Wait()
		_, requests := d.seen()
		Expect(ids(requests)).To(HaveLen(80))
	}, SpecTimeout(30*time.Second))

	It("asks port 54321 through the given dialler", func(ctx SpecContext) {
		var asked []string
		client := &miio.Client{Address: netip.MustParseAddrPort("[2001:db8::1]:0"), Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			asked = append(asked, network, address)
			return nil, errors.New("no socket left")
		}}
		_, err := client.Call(ctx, "get_status", nil)
		Expect(err).To(MatchError(ContainSubstring("no socket left")))
		Expect(asked).To(Equal([]string{"udp", "[2001:db8::1]:54321"}))
	})
})

// ids are the distinct ids of the requests, all from 1 to 9999.
func ids(requests []miio.Request) map[int]bool {
	GinkgoHelper()
	distinct := map[int]bool{}
	for _, request := range requests {
		Expect(request.ID).To(And(BeNumerically(">=", 1), BeNumerically("<=", 9999)))
		distinct[request.ID] = true
	}
	return distinct
}
