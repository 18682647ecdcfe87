package main

import (
	"context"
	"io"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the page of a run during the observation", func() {
	It("shows what the device contacts, and for how much longer it is observed", func(ctx SpecContext) {
		flags := webFlags{address: onLoopback}
		web, err := flags.open(ctx, io.Discard)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(web.close)
		tell, step := web.follow(harness.Run{ID: "one", Device: harness.Device{Name: "lamp"}, Scenarios: []harness.ScenarioInfo{{Name: "app"}}})
		tell(harness.Event{Kind: harness.Began, Lane: 1, Trial: &harness.Trial{Number: 1, Reason: "control"}})
		Expect(fetched(ctx, web)).To(ContainSubstring("no destination is known yet"))

		cloud := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "cloud.example"}
		step(harness.Step{Lane: 1, Phase: harness.Observing, Until: time.Now().Add(30 * time.Minute), Fresh: []harness.Destination{cloud}})
		Expect(fetched(ctx, web)).To(And(
			ContainSubstring("tcp/443/cloud.example"), Not(ContainSubstring("no destination is known yet")),
			MatchRegexp(`so far; the device is observed for 29 min \d+ s more`)))
	}, SpecTimeout(time.Minute))
})

// fetched is the page as a browser gets it.
func fetched(ctx context.Context, web *webPage) string {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, web.server.Links().Control, http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}
