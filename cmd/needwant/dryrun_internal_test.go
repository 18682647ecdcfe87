package main

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = DescribeTable("a dry run says how long the run takes", func(timing, says string) {
	file, err := scenarios.Parse("plug.yaml", []byte(`apiVersion: needwant/v1
kind: Scenarios
device: {name: plug, mac: "7c:49:eb:00:00:01", address: 192.168.50.10}
gateway: {placement: nic, inside: eth1, uplink: eth0}
timing: {`+timing+`}
scenarios:
  app: {steps: [{ping: {host: 192.168.50.10}}]}
`))
	Expect(err).NotTo(HaveOccurred())
	Expect(howLong(file, harness.Settings{})).To(ContainSubstring(says))
},
	Entry("of seconds", "settle: 2s, recover: 5s, observe: 5s", "20 trials, so about 1 min 30 s in all."),
	Entry("of minutes", "settle: 20s, recover: 60s, observe: 3m", "20 trials, so about 16 min in all."),
	Entry("of hours", "settle: 90s, recover: 60s, observe: 30m", "20 trials, so about 1 h 30 min in all."),
)
