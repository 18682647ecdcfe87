package seen_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/seen"
)

var _ = DescribeTable("a list says how often a destination is contacted, to the experiment too",
	func(quiet float64, want time.Duration) {
		list := seen.List{Rows: []seen.Row{{ID: "tcp/443/a.example", Quiet: quiet}}}
		Expect(list.Contacts()).To(HaveExactElements(HaveField("Quiet", want)))
		Expect(list.Names()).To(HaveExactElements(HaveField("Quiet", want)))
	},
	Entry("once an hour", 3600.0, time.Hour),
	Entry("not known", 0.0, time.Duration(0)),
	Entry("less than never", -1.0, time.Duration(0)),
	Entry("once in a million years", 3e13, time.Duration(0)),
)

var _ = It("an import keeps the longest time between two queries", func() {
	line := func(at string) string {
		return "Nov 26 " + at + " dnsmasq[7]: query[A] a.example from 192.168.1.5\n"
	}
	list, err := imported(seen.Options{}, strings.Join([]string{line("10:00:00"), line("10:00:01"), line("13:00:01"), line("13:20:00")}, ""))
	Expect(err).NotTo(HaveOccurred())
	Expect(row(list, "dns/a.example").Quiet).To(Equal((3 * time.Hour).Seconds()))
})
