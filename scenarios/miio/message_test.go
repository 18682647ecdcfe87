package miio_test

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

var _ = Describe("a message", func() {
	DescribeTable("is read though the device", func(sent, meant string) {
		mended, err := miio.Mend([]byte(sent))
		Expect(err).NotTo(HaveOccurred())
		Expect(mended).To(MatchJSON(meant))
	},
		Entry("ends it with a NUL", "{\"id\":1}\x00", `{"id":1}`),
		Entry("ends it with many NULs", "{\"id\":1}\x00\x00\x00", `{"id":1}`),
		Entry("begins it with a NUL", "\x00{\"id\":1}", `{"id":1}`),
		Entry("leaves rubbish behind a NUL", "{\"id\":1}\x00ld reply\"}", `{"id":1}`),
		Entry("embeds a NUL and leaves rubbish behind another", "{\"result\":[\"o\x00k\"]}\x00ld", `{"result":["ok"]}`),
		Entry("embeds a NUL", "{\"id\":1,\x00\"result\":[\"o\x00k\"]}", `{"id":1,"result":["ok"]}`),
		Entry("doubles a comma before otu_stat", `{"id":1,"wifi":2,,"otu_stat":[1]}`, `{"id":1,"wifi":2,"otu_stat":[1]}`),
		Entry("doubles a comma in a list", `{"result":[1,,2]}`, `{"result":[1,2]}`),
		Entry("begins and ends a list with commas", `{"result":[,1,2,]}`, `{"result":[1,2]}`),
		Entry("ends an object with a comma", `{"result":{"a":1,}}`, `{"result":{"a":1}}`),
		Entry("writes 00", `{"value":00}`, `{"value":0}`),
		Entry("writes 007.5 and -03", `[007.5,-03,0.5,0,00.5,100]`, `[7.5,-3,0.5,0,0.5,100]`),
		Entry("leaves out the result", `{"result":,"id":1}`, `{"result":null,"id":1}`),
		Entry("leaves out the last value", `{"id":1,"result":}`, `{"id":1,"result":null}`),
		Entry("leaves out a value and doubles the comma", `{"result":,,"id":1}`, `{"result":null,"id":1}`),
		Entry("puts a control character in a text", "{\"ssid\":\"a\x01b\nc\"}", "{\"ssid\":\"a\\u0001b\\nc\"}"),
		Entry("puts control characters between values", "{\x02\"id\":\x7f1\x1f}", `{"id":1}`),
		Entry("makes several of these mistakes", "{\"id\":01,,\"result\":[\"o\\\"k\x05\",],}\x00\x00", `{"id":1,"result":["o\"k\u0005"]}`),
	)

	It("keeps texts that only look like mistakes", func() {
		text := `{"a":",,","b":"\":,","c":"00","d":"[,]"}`
		Expect(miio.Mend([]byte(text + ",\x00"))).Error().To(HaveOccurred())
		Expect(miio.Mend([]byte(text + "\x00"))).To(MatchJSON(text))
		Expect(miio.Mend([]byte(`{"z":01,` + text[1:]))).To(MatchJSON(`{"z":1,` + text[1:]))
	})

	DescribeTable("is refused when it is", func(sent string) {
		Expect(miio.Mend([]byte(sent))).Error().To(MatchError(ContainSubstring("not JSON")))
	},
		Entry("empty", ""),
		Entry("only NULs", "\x00\x00"),
		Entry("cut off", `{"id":1,"result":[`),
		Entry("cut off in a text", `{"id":1,"result":["o`),
		Entry("cut off at an escape", `{"id":"\`),
		Entry("something else", "hello"),
		Entry("a sign without digits", `{"id":-}`),
	)

	It("is a response with a result", func() {
		response, err := miio.ReadResponse([]byte(`{"result":["ok"],"id":7,"exe_time":100}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(response).To(Equal(miio.Response{ID: 7, Result: json.RawMessage(`["ok"]`)}))
	})

	DescribeTable("is a response with an error", func(sent string, code int, message string) {
		response, err := miio.ReadResponse([]byte(sent))
		Expect(err).NotTo(HaveOccurred())
		Expect(response.ID).To(Equal(7))
		Expect(response.Error).To(Equal(&miio.DeviceError{Code: code, Message: message}))
		Expect(response.Result).To(BeNil())
	},
		Entry("as most devices write it", `{"id":7,"error":{"code":-9999,"message":"user ack timeout"}}`, miio.CodeAckTimeout, "user ack timeout"),
		Entry("as a result", `{"id":7,"result":"unknown_method"}`, miio.CodeUnknownMethod, "unknown_method"),
		Entry("as a text", `{"id":7,"error":"busy"}`, 0, "busy"),
		Entry("as a number", `{"id":7,"error":-30001}`, miio.CodeBusy, ""),
		Entry("as a list", `{"id":7,"error":[1]}`, 0, "[1]"),
	)

	DescribeTable("is a request", func(request miio.Request, text string) {
		Expect(request.Bytes()).To(BeEquivalentTo(text))
		read, err := miio.ReadRequest([]byte(text + "\x00"))
		Expect(err).NotTo(HaveOccurred())
		Expect(read.Method).To(Equal(request.Method))
		Expect(read.ID).To(Equal(request.ID))
	},
		Entry("without params", miio.Request{ID: 1, Method: "miIO.info"}, `{"id":1,"method":"miIO.info","params":[]}`),
		Entry("with params", miio.Request{ID: 2, Method: "set", Params: json.RawMessage(`["<&>",1]`)}, `{"id":2,"method":"set","params":["<&>",1]}`),
	)

	It("is a response as devices write it", func() {
		Expect(miio.Response{ID: 3, Result: json.RawMessage(`["ok"]`)}.Bytes()).To(BeEquivalentTo(`{"id":3,"result":["ok"]}`))
		Expect(miio.Response{ID: 3, Error: &miio.DeviceError{Code: -9999, Message: "user ack timeout"}}.Bytes()).
			To(BeEquivalentTo(`{"id":3,"error":{"code":-9999,"message":"user ack timeout"}}`))
	})
})
