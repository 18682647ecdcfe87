package main

import (
	"bytes"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the progress of an experiment that began with a list", func() {
	It("counts what the device never contacted", func() {
		contacted := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "a.example"}
		daily := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "daily.example"}
		var out bytes.Buffer
		p := newProgress(&out, harness.Run{})
		p.tell(harness.Result{
			Trial: harness.Trial{Number: 2, Reason: "everything", Block: []harness.Destination{contacted, daily}},
			Seen:  harness.Observation{Contacts: []harness.Contact{{Destination: contacted}}},
		}, "")
		Expect(out.String()).To(And(ContainSubstring("everything: 2 of 2 blocked"), ContainSubstring("sees tcp/443/a.example"), Not(ContainSubstring("sees tcp/443/daily.example"))))
	})
})
