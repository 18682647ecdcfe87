package scenarios_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

var _ = Describe("a hass step", func() {
	const secret = "a-long-lived-secret"
	var state string
	var status int
	var polls []string
	var reported func(looks int) string // last_reported, at which look
	var server *httptest.Server

	BeforeEach(func() {
		state, status, polls = "docked", http.StatusOK, nil
		reported = func(int) string { return "" }
		mux := http.NewServeMux()
		mux.HandleFunc("POST /api/services/homeassistant/update_entity", func(w http.ResponseWriter, _ *http.Request) {
			polls = append(polls, "poll")
			w.WriteHeader(status)
		})
		mux.HandleFunc("GET /api/states/vacuum.s50", func(w http.ResponseWriter, r *http.Request) {
			polls = append(polls, "look")
			if r.Header.Get("Authorization") != "Bearer "+secret {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			entity := map[string]any{"state": state, "attributes": map[string]any{"battery_level": 99}}
			if last := reported(len(polls)); last != "" {
				entity["last_reported"] = last
			}
			_ = json.NewEncoder(w).Encode(entity)
		})
		server = httptest.NewServer(mux)
		DeferCleanup(server.Close)
	})

	look := func(ctx context.Context, entity string, token string) harness.Outcome {
		GinkgoHelper()
		return check(ctx, &scenarios.Engine{Home: hass.NewToken(token)}, scenarios.HomeAssistant(server.URL, entity))
	}

	It("polls, and looks before and after", func(ctx SpecContext) {
		outcome := look(ctx, "vacuum.s50", secret)
		Expect(outcome.Answer).To(Equal(harness.Pass))
		Expect(outcome.Steps).To(HaveExactElements(
			harness.StepOutcome{Step: "hass vacuum.s50", Answer: harness.Pass, Saw: `state "docked"`}))
		Expect(polls).To(HaveExactElements("look", "poll", "look"))
	}, SpecTimeout(20*time.Second))

	It("fails when the entity is unavailable", func(ctx SpecContext) {
		state = "unavailable"
		outcome := look(ctx, "vacuum.s50", secret)
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(Equal(`hass vacuum.s50: state "unavailable" came back, and not state != "unavailable"`))
	}, SpecTimeout(20*time.Second))

	It("lets the state tell when the poll itself failed", func(ctx SpecContext) {
		state, status = "unavailable", http.StatusInternalServerError
		Expect(look(ctx, "vacuum.s50", secret).Answer).To(Equal(harness.Fail))
	}, SpecTimeout(20*time.Second))

	It("is inconclusive, with the remedy, when the set-up is wrong", func(ctx SpecContext) {
		outcome := look(ctx, "vacuum.s50", "another-secret")
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("long-lived access token"))
		expectClean(outcome, "another-secret")
		Expect(look(ctx, "vacuum.s51", secret).Why).To(ContainSubstring("no entity vacuum.s51"))
	}, SpecTimeout(20*time.Second))

	Context("of a Home Assistant that says when a state was reported", func() {
		const before, after = "2026-03-08T10:11:12+00:00", "2026-03-08T10:11:13+00:00"
		const aBit = 2 * time.Second

		polled := func(ctx context.Context, timeout time.Duration) harness.Outcome {
			GinkgoHelper()
			spec := scenarios.HomeAssistant(server.URL, "vacuum.s50")
			spec.Timeout, spec.Steps[0].Expect = timeout, `fresh && state == "docked"`
			return check(ctx, &scenarios.Engine{Home: hass.NewToken(secret)}, spec)
		}

		It("waits for a poll that was put off", func(ctx SpecContext) {
			reported = func(looks int) string { return map[bool]string{true: before, false: after}[looks < 4] }
			outcome := polled(ctx, 15*time.Second)
			Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
			Expect(polls).To(HaveExactElements("look", "poll", "look", "look"))
		}, SpecTimeout(20*time.Second))

		It("is inconclusive when no poll was seen, though the state is fine", func(ctx SpecContext) {
			reported = func(int) string { return before }
			outcome := polled(ctx, aBit)
			Expect(outcome.Answer).To(Equal(harness.Inconclusive))
			Expect(outcome.Why).To(ContainSubstring("leave refresh out"))
		}, SpecTimeout(20*time.Second))

		It("fails when the entity stays unavailable, which is not written again", func(ctx SpecContext) {
			state, reported = "unavailable", func(int) string { return before }
			Expect(polled(ctx, aBit).Answer).To(Equal(harness.Fail))
		}, SpecTimeout(20*time.Second))

		It("takes the gateway's word for a poll that brought nothing new", func(ctx SpecContext) {
			reported = func(int) string { return before }
			seen := func(context.Context) (string, error) { return "lan", nil }
			engine := &scenarios.Engine{Home: hass.NewToken(secret), Path: func(context.Context, netip.Addr) (func(context.Context) (string, error), error) { return seen, nil }}
			Expect(check(ctx, engine, scenarios.HomeAssistant(server.URL, "vacuum.s50")).Answer).To(Equal(harness.Pass))
		}, SpecTimeout(20*time.Second))
	})

	It("is inconclusive when Home Assistant is not there", func(ctx SpecContext) {
		server.Close()
		Expect(look(ctx, "vacuum.s50", secret).Answer).To(Equal(harness.Inconclusive))
	}, SpecTimeout(20*time.Second))
})
