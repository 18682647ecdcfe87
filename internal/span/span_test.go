package span_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/span"
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "span")
}

var _ = DescribeTable("a length of time is written for people, and as it is typed", func(d time.Duration, words, typed string) {
	Expect(span.Words(d)).To(Equal(words))
	Expect(span.Typed(d)).To(Equal(typed))
	again, err := time.ParseDuration(typed)
	Expect(err).NotTo(HaveOccurred())
	Expect(again).To(Equal(d))
},
	Entry(nil, time.Duration(0), "0 s", "0s"),
	Entry(nil, 1234*time.Microsecond, "1.2 ms", "1.234ms"),
	Entry(nil, 200*time.Millisecond, "0.2 s", "200ms"),
	Entry(nil, 1600*time.Millisecond, "1.6 s", "1.6s"),
	Entry(nil, time.Minute, "1 min", "1m"),
	Entry(nil, 90*time.Second, "1 min 30 s", "90s"),
	Entry(nil, 125*time.Second, "2 min 5 s", "2m5s"),
	Entry(nil, 30*time.Minute, "30 min", "30m"),
	Entry(nil, time.Hour, "1 h", "1h"),
	Entry(nil, 3*time.Hour+20*time.Minute, "3 h 20 min", "3h20m"),
	Entry(nil, 720*time.Hour, "720 h", "720h"),
)

var _ = DescribeTable("a length of time stays on one line", func(text, joined string) {
	Expect(strings.ReplaceAll(span.Joined(text), span.Joint, "_")).To(Equal(joined))
},
	Entry(nil, "blocked all 5 at once for 0.9 s. The", "blocked all 5 at once for 0.9_s. The"),
	Entry(nil, "after 1 h 30 min, and 20 ms", "after 1_h 30_min, and 20_ms"),
	Entry(nil, "5 of 7, in trial 17 some", "5 of 7, in trial 17 some"),
)
