package miio_test

import (
	"encoding/json"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

var _ = Describe("a token", func() {
	It("is never printed, whatever the verb and wherever it is kept", func() {
		type holder struct {
			Open   miio.Token
			hidden miio.Token
		}
		held := holder{token(secret), token(secret)}
		for _, value := range []any{held.Open, &held.Open, held, &held, []miio.Token{held.hidden}, &miio.Client{Token: held.Open}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%o"} {
				printed := fmt.Sprintf(verb, value)
				Expect(printed).NotTo(ContainSubstring("2233"), verb)
				Expect(printed).NotTo(ContainSubstring("34 51"), verb)
			}
			written, err := json.Marshal(value)
			if err == nil {
				Expect(string(written)).NotTo(ContainSubstring("2233"))
			}
		}
	})

	DescribeTable("is refused, and not repeated in the error, when", func(text string) {
		_, err := miio.ParseToken(text)
		Expect(err).To(MatchError(ContainSubstring("32 hexadecimal digits")))
		Expect(err.Error()).NotTo(ContainSubstring("0011"))
	},
		Entry("it is empty", ""),
		Entry("it is too short", "0011223344"),
		Entry("it is too long", secret+"00"),
		Entry("it is not hexadecimal", "00112233445566778899aabbccddeegg"),
	)
})
