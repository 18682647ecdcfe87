package scenarios_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the secrets of a file", func() {
	It("are known to those who keep them out of what they write, also those of steps", func() {
		file := parsed(Default, `secrets: {miio: env:SPEC_MIIO, hass: env:SPEC_NONE}
scenarios:
  one: {steps: [{mqtt: {broker: "192.168.1.5:1883", topic: a, username: me, password: env:SPEC_MQTT}}]}
  two: {steps: [{http: {url: env:SPEC_URL, headers: {Authorization: env:SPEC_HEADER, Accept: text/plain}}}, {miio: get_status}]}
`)
		for _, name := range []string{"MIIO", "MQTT", "URL", "HEADER"} {
			GinkgoT().Setenv("SPEC_"+name, "secret of "+name)
		}
		Expect(file.Revealed()).To(ConsistOf("secret of MIIO", "secret of MQTT", "secret of URL", "secret of HEADER"))
	})
})
