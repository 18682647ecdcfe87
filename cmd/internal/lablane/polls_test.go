package lablane_test

import (
	"os"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

var _ = Describe("the gateway of a lab", Label("root"), func() {
	// How many polls there are decides how long each look at them takes.
	It("forgets a poll soon after the two that may follow it", func(ctx SpecContext) {
		world, err := lab.Find("one-of-each")
		Expect(err).NotTo(HaveOccurred())
		lane := start(ctx, lablane.NewRun(world, harness.Settings{}), world, 1)
		var text []byte
		Expect(lane.Lab.Gateway.Namespace.Do(func() (err error) {
			text, err = os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_udp_timeout")
			return err
		})).To(Succeed())
		seconds, err := strconv.Atoi(strings.TrimSpace(string(text)))
		Expect(err).NotTo(HaveOccurred())
		poll := lane.Lab.Assistant.Every + lane.Lab.Assistant.Hangs
		Expect(time.Duration(seconds) * time.Second).To(And(BeNumerically(">=", 3*poll), BeNumerically("<", 30*time.Second)))
	}, SpecTimeout(time.Minute))
})
