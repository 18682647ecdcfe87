package scenarios_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
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
	var server *httptest.Server

	BeforeEach(func() {
		state, status, polls = "docked", http.StatusOK, nil
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
			_ = json.NewEncoder(w).Encode(entity)
		})
		server = httptest.NewServer(mux)
		DeferCleanup(server.Close)
	})

	look := func(ctx context.Context, entity string, token string) harness.Outcome {
		GinkgoHelper()
		engine := &scenarios.Engine{Home: hass.NewToken(token), Polling: scenarios.Polling{Every: 50 * time.Millisecond, Hangs: 50 * time.Millisecond}}
		return check(ctx, engine, scenarios.HomeAssistant(server.URL, entity))
	}

	It("polls, and looks before and after", func(ctx SpecContext) {
		outcome := look(ctx, "vacuum.s50", secret)
		Expect(outcome.Answer).To(Equal(harness.Pass))
		Expect(outcome.Steps).To(HaveExactElements(
			harness.StepOutcome{Step: "hass vacuum.s50", Answer: harness.Pass, Saw: `state "docked"`}))
		Expect(strings.Join(polls, " ")).To(MatchRegexp(`^look poll look( look)*$`))
	}, SpecTimeout(20*time.Second))

	It("fails when the entity is unavailable", func(ctx SpecContext) {
		state = "unavailable"
		outcome := look(ctx, "vacuum.s50", secret)
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(Equal(`hass vacuum.s50: expected state != "unavailable", got "unavailable", in the answer state "unavailable"`))
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

	It("is inconclusive when Home Assistant is not there", func(ctx SpecContext) {
		server.Close()
		Expect(look(ctx, "vacuum.s50", secret).Answer).To(Equal(harness.Inconclusive))
	}, SpecTimeout(20*time.Second))
})
