package main

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = DescribeTable("the next command has the flag that the scenarios of the spec need", func(spec, checks, verifies string) {
	Expect(afterDoctor([]string{spec})).To(ContainSubstring(typed("%s", checks) + " runs every check"))
	file, err := scenarios.Find(spec)
	Expect(err).NotTo(HaveOccurred())
	run := blamed("cloud.example")
	run.Settings.Only, run.Results[2].Outcomes["app"] = nil, run.Results[1].Outcomes["app"] // it can be blocked
	Expect(ending{saved: "a.run", spec: spec, gateway: file.Gateway}.next(run)).To(ContainSubstring(typed("%s", verifies) + " tests"))
},
	Entry("of a vacuum that speaks", "roborock-s50", "sudo -E needwant check roborock-s50 --allow-actuation", "sudo -E needwant verify a.run --allow-actuation"),
	Entry("of a television", "tv", "sudo -E needwant check tv", "sudo -E needwant verify a.run"),
	Entry("of a lab, where nobody is disturbed", "lab-s50", "needwant check lab-s50", "sudo -E needwant verify a.run"),
)
