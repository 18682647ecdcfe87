package miio_test

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

const otherSecret = "ff112233445566778899aabbccddeeff"

var _ = Describe("a client's error", func() {
	It("is the device's own, at once, when asking again is useless", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte { return d.say(request.ID, `"unknown_method"`) }
		_, err := d.client().Call(ctx, "get_nothing", nil)
		device := as[*miio.DeviceError](err)
		Expect(device.Code).To(Equal(miio.CodeUnknownMethod))
		_, requests := d.seen()
		Expect(requests).To(HaveLen(1))
	}, SpecTimeout(10*time.Second))

	It("is the device's own when it persists", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte {
			return d.complain(request.ID, miio.CodeAckTimeout, "user ack timeout")
		}
		_, err := d.hasty().Call(ctx, "find_me", nil)
		Expect(err).To(MatchError(`the device answered "user ack timeout" (code -9999)`))
		_, requests := d.seen()
		Expect(len(requests)).To(BeNumerically(">", 1))
	}, SpecTimeout(10*time.Second))

	It("is a timeout when the device is deaf to all", func(ctx SpecContext) {
		d := switchOn()
		d.hello = func(int) []miio.Packet { return nil }
		_, err := d.hasty().Call(ctx, "get_status", nil)
		timeout := as[*miio.TimeoutError](err)
		Expect(timeout.Greeted).To(BeFalse())
		Expect(timeout.Attempts).To(Equal(3))
		Expect(err).To(MatchError(MatchRegexp(`^no answer to get_status from 127.0.0.1:\d+ in 3 tries of 0\.2 s$`)))
		hellos, _ := d.seen()
		Expect(hellos).To(Equal(3))
	}, SpecTimeout(10*time.Second))

	It("is a timeout when a device that knew the token falls silent", func(ctx SpecContext) {
		d := switchOn()
		client := d.hasty()
		client.Attempts = 10
		_, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		client.Attempts = 2
		d.mu.Lock()
		d.answer = func(int, miio.Request) [][]byte { return nil }
		d.mu.Unlock()
		_, err = client.Call(ctx, "get_status", nil)
		timeout := as[*miio.TimeoutError](err)
		Expect(timeout.Greeted).To(BeTrue())
		Expect(err).To(MatchError(HaveSuffix("though it answers a hello")))
	}, SpecTimeout(10*time.Second))

	It("guesses at a wrong token when hellos are answered and commands never were", func(ctx SpecContext) {
		d := switchOn()
		d.token = token(otherSecret)
		expectWrongToken(ctx, d, miio.BySilence, false)
	}, SpecTimeout(10*time.Second))

	It("is sure of a wrong token when a checksum does not verify", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte {
			packet, err := miio.Seal(token(otherSecret), deviceID, d.clock(), fmt.Appendf(nil, `{"id":%d,"result":["ok"]}`, request.ID))
			Expect(err).NotTo(HaveOccurred())
			return [][]byte{packet.Bytes()}
		}
		expectWrongToken(ctx, d, miio.ByChecksum, true)
	}, SpecTimeout(10*time.Second))

	It("is sure of a wrong token when an unpaired device tells its own", func(ctx SpecContext) {
		d := switchOn()
		d.token = token(otherSecret)
		d.hello = func(int) []miio.Packet {
			return []miio.Packet{{Device: deviceID, Stamp: 1000, Checksum: [16]byte(unhex(otherSecret))}}
		}
		expectWrongToken(ctx, d, miio.ByHello, true)
	}, SpecTimeout(10*time.Second))

	It("is none when a forged reply precedes the right one", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte {
			right := d.say(request.ID, `["right"]`)
			forged := append([]byte(nil), right[0]...)
			forged[len(forged)-1] ^= 1
			return [][]byte{forged, right[0]}
		}
		reply, err := d.client().Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Result)).To(Equal(`["right"]`))
	}, SpecTimeout(10*time.Second))

	It("says that nobody listens there", func(ctx SpecContext) {
		d := switchOn()
		client := d.hasty()
		Expect(d.conn.Close()).To(Succeed())
		_, err := client.Call(ctx, "get_status", nil)
		Expect(as[*miio.UnreachableError](err).Address).To(Equal(client.Address))
		Expect(err).To(MatchError(ContainSubstring("connection refused")))
	}, SpecTimeout(10*time.Second))

	It("passes over a moment in which nobody listens", func(ctx SpecContext) {
		d := switchOn()
		address := d.conn.LocalAddr().String()
		Expect(d.conn.Close()).To(Succeed())
		client := &miio.Client{Address: netip.MustParseAddrPort(address), Token: token(secret), Attempts: 20, Timeout: 200 * time.Millisecond}
		answered := make(chan error, 1)
		go func() {
			_, err := client.Call(ctx, "get_status", nil)
			answered <- err
		}()
		Consistently(answered, 300*time.Millisecond).ShouldNot(Receive())
		again := switchOnAt(address)
		go again.serve()
		Eventually(answered).WithContext(ctx).Should(Receive(BeNil()))
	}, SpecTimeout(10*time.Second))

	It("tells an answer that nobody can read", func(ctx SpecContext) {
		d := switchOn()
		d.answer = func(int, miio.Request) [][]byte { return d.seal([]byte("out of order")) }
		_, err := d.hasty().Call(ctx, "get_status", nil)
		Expect(err).To(MatchError(And(ContainSubstring("unreadable"), ContainSubstring("get_status"))))
	}, SpecTimeout(10*time.Second))

	DescribeTable("is the device's own when a device that knew the token answers every try with",
		func(ctx SpecContext, answer func(d *device, id int) []byte, says string) {
			client, err := askedTwice(ctx, answer)
			garbled, ok := errors.AsType[*miio.UnreadableError](err)
			Expect(ok).To(BeTrue(), "%v", err)
			Expect(garbled.Address).To(Equal(client.Address))
			Expect(err).To(MatchError(ContainSubstring(says)))
		},
		// home-assistant/core #19906, python-miio #482
		Entry("a word where a value belongs", func(d *device, id int) []byte { return d.seal(fmt.Appendf(nil, `{"result":[net],"id":%d}`, id))[0] }, "not JSON", SpecTimeout(10*time.Second)),
		// home-assistant/core #35118
		Entry("an empty payload", func(d *device, _ int) []byte { return d.seal([]byte{0})[0] }, "not JSON", SpecTimeout(10*time.Second)),
		Entry("text", func(d *device, _ int) []byte { return d.seal([]byte("<html>busy</html>"))[0] }, "not JSON", SpecTimeout(10*time.Second)),
		Entry("JSON of another kind", func(d *device, _ int) []byte { return d.seal([]byte(`["ok"]`))[0] }, "cannot unmarshal", SpecTimeout(10*time.Second)),
		Entry("a wrong checksum", func(d *device, id int) []byte {
			datagram := d.say(id, `["ok"]`)[0]
			datagram[len(datagram)-1] ^= 1
			return datagram
		}, "which worked before", SpecTimeout(10*time.Second)),
		Entry("another token's checksum", func(d *device, id int) []byte {
			packet, err := miio.Seal(token(otherSecret), deviceID, d.clock(), fmt.Appendf(nil, `{"id":%d,"result":["ok"]}`, id))
			Expect(err).NotTo(HaveOccurred())
			return packet.Bytes()
		}, "paired again", SpecTimeout(10*time.Second)),
		Entry("a body that is not whole blocks", func(d *device, _ int) []byte { return odd(d, 7).Bytes() }, "not whole blocks", SpecTimeout(10*time.Second)),
	)

	// home-assistant/core #23822, and devices that answer other ids: as good as nothing.
	DescribeTable("is a timeout when a device that knew the token answers every try with",
		func(ctx SpecContext, answer func(d *device, id int) []byte) {
			_, err := askedTwice(ctx, answer)
			Expect(as[*miio.TimeoutError](err).Greeted).To(BeTrue())
		},
		Entry("a bare header", func(d *device, _ int) []byte { return miio.HelloReply(deviceID, d.clock()).Bytes() }, SpecTimeout(10*time.Second)),
		Entry("half a header", func(d *device, _ int) []byte { return miio.HelloReply(deviceID, d.clock()).Bytes()[:16] }, SpecTimeout(10*time.Second)),
		Entry("no id", func(d *device, _ int) []byte {
			return d.seal([]byte(`{"error":{"code":-9999,"message":"user ack timeout"}}`))[0]
		}, SpecTimeout(10*time.Second)),
		Entry("id 0", func(d *device, _ int) []byte { return d.complain(0, -9999, "user ack timeout")[0] }, SpecTimeout(10*time.Second)),
	)

	DescribeTable("is none when the answer has no result", func(ctx SpecContext, answer string) {
		d := switchOn()
		d.answer = func(_ int, request miio.Request) [][]byte { return d.seal(fmt.Appendf(nil, answer, request.ID)) }
		reply, err := d.client().Call(ctx, "miIO.info", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(reply.Result)).To(Equal("null"))
	},
		Entry("as python-miio's simulators answer miIO.info", `{"id":%d}`, SpecTimeout(10*time.Second)),
		Entry("but how long it took", `{"id":%d,"exe_time":100}`, SpecTimeout(10*time.Second)),
		Entry("but null", `{"id":%d,"result":null}`, SpecTimeout(10*time.Second)),
		Entry("but a name for one", `{"result":,"id":%d}`, SpecTimeout(10*time.Second)),
	)

	It("is not about the device when the caller gives up", func(ctx SpecContext) {
		d := switchOn()
		asked := make(chan bool, 1)
		d.answer = func(int, miio.Request) [][]byte { asked <- true; return nil }
		client := d.hasty()
		client.Timeout = time.Hour
		cancelled, cancel := context.WithCancel(ctx)
		answered := make(chan error, 1)
		go func() {
			_, err := client.Call(cancelled, "get_status", nil)
			answered <- err
		}()
		Eventually(asked).WithContext(ctx).Should(Receive())
		cancel()
		Eventually(answered).WithContext(ctx).Should(Receive(MatchError(context.Canceled)))
	}, SpecTimeout(10*time.Second))

	It("is a timeout when the caller's time is over", func(ctx SpecContext) {
		d := switchOn()
		d.hello = func(int) []miio.Packet { return nil }
		client := d.hasty()
		client.Timeout = time.Hour
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := client.Call(brief, "get_status", nil)
		timeout := as[*miio.TimeoutError](err)
		Expect(timeout.Attempts).To(Equal(1))
	}, SpecTimeout(10*time.Second))

	It("is not about the device when the request cannot be written", func(ctx SpecContext) {
		client := switchOn().client()
		for _, params := range []any{strings.Repeat("x", 70_000), func() {}, json.RawMessage("{")} {
			_, err := client.Call(ctx, "set", params)
			Expect(err).To(HaveOccurred())
			Expect(err).NotTo(BeAssignableToTypeOf(&miio.TimeoutError{}))
		}
		_, err := (&miio.Client{}).Call(ctx, "get_status", nil)
		Expect(err).To(MatchError(ContainSubstring("no address")))
	}, SpecTimeout(10*time.Second))
})

// odd is a packet whose checksum verifies, and whose body has this length.
func odd(d *device, length int) miio.Packet {
	packet := miio.Packet{Device: deviceID, Stamp: d.clock(), Body: make([]byte, length)}
	packet.Checksum = [16]byte(unhex(secret))
	sum := md5.Sum(packet.Bytes())
	packet.Checksum = sum
	return packet
}

func expectWrongToken(ctx context.Context, d *device, told miio.Telling, certain bool) {
	GinkgoHelper()
	_, err := d.hasty().Call(ctx, "get_status", nil)
	wrong := as[*miio.WrongTokenError](err)
	Expect(wrong.Told).To(Equal(told))
	Expect(wrong.Certain()).To(Equal(certain))
	Expect(err.Error()).To(ContainSubstring("token"))
	Expect(err.Error()).NotTo(ContainSubstring("2233"))
}

// as finds an error of one type.
func as[E error](err error) E {
	GinkgoHelper()
	found, ok := errors.AsType[E](err)
	Expect(ok).To(BeTrue(), "%v is no %T", err, found)
	return found
}

// askedTwice asks a device that worked once with the token, and now gives every
// request the same answer: two tries, and what came of them.
func askedTwice(ctx context.Context, answer func(d *device, id int) []byte) (*miio.Client, error) {
	GinkgoHelper()
	d := switchOn()
	client := d.hasty()
	client.Attempts = 10
	_, err := client.Call(ctx, "get_status", nil)
	Expect(err).NotTo(HaveOccurred())
	d.mu.Lock()
	d.answer = func(_ int, request miio.Request) [][]byte { return [][]byte{answer(d, request.ID)} }
	d.mu.Unlock()
	client.Attempts = 2
	_, err = client.Call(ctx, "get_status", nil)
	return client, err
}
