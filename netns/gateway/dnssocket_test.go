package gateway_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A device whose queries nobody answers looks like one that does not work at all.
var _ = Describe("a DNS server of the gateway", Label("root"), func() {
	for _, protocol := range []string{"udp", "tcp"} {
		It("whose "+protocol+" socket is closed from outside ends the run with that reason", func(ctx SpecContext) {
			s := newStreet(ctx)
			_, err := s.gateway.Observe(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(s.middle.Command(ctx, "ss", "--kill", "--all", "--"+protocol, "sport = :53").Run()).To(Succeed())
			Eventually(func() error {
				_, err := s.gateway.Observe(ctx)
				return err
			}).WithContext(ctx).Should(MatchError(ContainSubstring("DNS server does not answer over " + strings.ToUpper(protocol) + " any more")))
		}, SpecTimeout(20*time.Second))
	}
})
