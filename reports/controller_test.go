package reports_test

import (
	"bytes"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports"
)

var _ = Describe("a column that a Home Assistant judges", func() {
	DescribeTable("says where that is, if it is not where it is asked from", func(vantage, controller, says string) {
		run, judgement := s50()
		for i := range judgement.Columns {
			judgement.Columns[i].Column.Scenario.Vantage = vantage
			judgement.Columns[i].Column.Scenario.Controller = controller
		}
		var out bytes.Buffer
		Expect(reports.Render(&out, "text", reports.NewReport(run, judgement))).To(Succeed())
		text := strings.Join(strings.Fields(out.String()), " ")
		Expect(text).To(ContainSubstring("hass checks the state of the entity in Home Assistant, from the " + says))
		out.Reset()
		Expect(reports.Render(&out, "json", reports.NewReport(run, judgement))).To(Succeed())
		Expect(out.String()).To(ContainSubstring(`"controller": "` + controller + `"`))
	},
		Entry("in the device's own network", "lan", "device", "home network; its Home Assistant is in the device's own network."),
		Entry("on this machine", "lan", "host", "home network; its Home Assistant is on the machine that needwant runs on."),
		Entry("in the home network", "lan", "lan", "home network."),
	)
})
