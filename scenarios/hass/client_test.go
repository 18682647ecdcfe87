package hass_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/hass"
)

const secret = "eyJhbGciOi.not-a-real.token"

// docked is an entity as Home Assistant 2024.3 writes it.
const docked = `{"entity_id":"vacuum.s50","state":"docked",
	"attributes":{"battery_level":100,"status":"Charging","friendly_name":"S50"},
	"last_changed":"2024-03-08T10:11:12.345678+00:00","last_updated":"2024-03-08T11:11:12.345678+00:00",
	"context":{"id":"01HRF","parent_id":null,"user_id":null}}`

// home is a Home Assistant that knows vacuum.s50 and takes one token.
type home struct {
	*httptest.Server
	mux     *http.ServeMux
	refresh chan string // entities that were to be polled
}

func newHome() *home {
	h := &home{mux: http.NewServeMux(), refresh: make(chan string, 8)}
	h.mux.HandleFunc("GET /api/states/vacuum.s50", write(docked))
	h.mux.HandleFunc("GET /api/config", write(`{"version":"2024.3.3","state":"RUNNING","components":[]}`))
	h.mux.HandleFunc("POST /api/services/homeassistant/update_entity", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Entity string `json:"entity_id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		h.refresh <- body.Entity
		fmt.Fprint(w, "[]")
	})
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secret {
			http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
			return
		}
		h.mux.ServeHTTP(w, r)
	}))
	DeferCleanup(h.Close)
	return h
}

func (h *home) client() *hass.Client {
	return &hass.Client{URL: h.URL, Token: hass.NewToken(secret), HTTP: h.Client()}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func write(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

var _ = Describe("Home Assistant", func() {
	It("tells an entity's state", func(ctx SpecContext) {
		state, err := newHome().client().State(ctx, "vacuum.s50")
		Expect(err).NotTo(HaveOccurred())
		Expect(state.Entity).To(Equal("vacuum.s50"))
		Expect(state.State).To(Equal("docked"))
		Expect(state.Attributes).To(HaveKeyWithValue("battery_level", 100.0))
		Expect(state.LastUpdated).To(BeTemporally("==", time.Date(2024, 3, 8, 11, 11, 12, 345678000, time.UTC)))
		Expect(state.LastReported).To(BeZero())
	}, SpecTimeout(10*time.Second))

	It("polls a device when asked to", func(ctx SpecContext) {
		home := newHome()
		Expect(home.client().Refresh(ctx, "vacuum.s50")).To(Succeed())
		Expect(home.refresh).To(Receive(Equal("vacuum.s50")))
	}, SpecTimeout(10*time.Second))

	It("has switched when the switch says so, also where a proxy lets no WebSocket through", func(ctx SpecContext) {
		home, looks := newHome(), 0
		home.mux.HandleFunc("POST /api/services/homeassistant/turn_off", write("[]"))
		home.mux.HandleFunc("GET /api/states/switch.plug", func(w http.ResponseWriter, _ *http.Request) {
			looks++
			fmt.Fprintf(w, `{"state":%q}`, map[bool]string{true: "on", false: "off"}[looks < 3])
		})
		Expect(home.client().Turn(ctx, "switch.plug", false)).To(Succeed())
		Expect(looks).To(Equal(3))
	}, SpecTimeout(10*time.Second))

	It("tells its version and whether it runs", func(ctx SpecContext) {
		Expect(newHome().client().Config(ctx)).To(Equal(hass.Config{Version: "2024.3.3", State: "RUNNING"}))
	}, SpecTimeout(10*time.Second))

	It("may stand under a path", func(ctx SpecContext) {
		home := newHome()
		home.mux.HandleFunc("GET /home/api/states/vacuum.s50", write(`{"state":"cleaning"}`))
		client := home.client()
		client.URL += "/home/"
		state, err := client.State(ctx, "vacuum.s50")
		Expect(err).NotTo(HaveOccurred())
		Expect(state.State).To(Equal("cleaning"))
	}, SpecTimeout(10*time.Second))

	It("is asked through the given transport", func(ctx SpecContext) {
		client := newHome().client()
		client.HTTP = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("no socket left") })}
		_, err := client.State(ctx, "vacuum.s50")
		Expect(err).To(MatchError(And(ContainSubstring("asking Home Assistant"), ContainSubstring("no socket left"))))
		_, setup := errors.AsType[*hass.SetupError](err)
		Expect(setup).To(BeFalse())
	}, SpecTimeout(10*time.Second))

	It("is not waited for when the caller gives up", func(ctx SpecContext) {
		home := newHome()
		home.mux.HandleFunc("GET /api/states/vacuum.slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := home.client().State(brief, "vacuum.slow")
		Expect(err).To(MatchError(context.DeadlineExceeded))
	}, SpecTimeout(10*time.Second))
})

var _ = Describe("a mistake in the set-up", func() {
	DescribeTable("is told with its remedy:", func(ctx SpecContext, status int, remedy string) {
		home := newHome()
		home.mux.HandleFunc("GET /api/states/vacuum.odd", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := home.client().State(ctx, "vacuum.odd")
		expectSetup(err, remedy)
	},
		Entry("a banned address", http.StatusForbidden, "ip_bans.yaml", SpecTimeout(10*time.Second)),
		Entry("an entity that is not there", http.StatusNotFound, "Developer tools", SpecTimeout(10*time.Second)),
		Entry("a request that is not understood", http.StatusBadRequest, "has started", SpecTimeout(10*time.Second)),
		Entry("another server", http.StatusTeapot, "URL is Home Assistant's own", SpecTimeout(10*time.Second)),
	)

	It("is told with its remedy: a wrong token", func(ctx SpecContext) {
		client := newHome().client()
		client.Token = hass.NewToken("wrong-and-secret")
		expectSetup(client.Refresh(ctx, "vacuum.s50"), "long-lived access token")
		client.Token = hass.Token{}
		expectSetup(client.Refresh(ctx, "vacuum.s50"), "long-lived access token")
	}, SpecTimeout(10*time.Second))

	It("is told with its remedy: no API", func(ctx SpecContext) {
		client := newHome().client()
		client.URL += "/elsewhere"
		_, err := client.Config(ctx)
		expectSetup(err, "configuration.yaml")
	}, SpecTimeout(10*time.Second))

	DescribeTable("is told with its remedy: a mistyped entity", func(ctx SpecContext, entity string) {
		client := newHome().client()
		_, err := client.State(ctx, entity)
		expectSetup(err, "vacuum.s50")
		expectSetup(client.Refresh(ctx, entity), "vacuum.s50")
	},
		Entry("without a domain", "s50", SpecTimeout(10*time.Second)),
		Entry("without a name", "vacuum.", SpecTimeout(10*time.Second)),
		Entry("in capitals", "vacuum.S50", SpecTimeout(10*time.Second)),
		Entry("leading elsewhere", "vacuum.x/../../config", SpecTimeout(10*time.Second)),
	)

	DescribeTable("is told with its remedy: a mistyped URL", func(ctx SpecContext, url string) {
		client := hass.Client{URL: url}
		_, err := client.Config(ctx)
		expectSetup(err, "http://192.168.1.5:8123")
	},
		Entry("empty", "", SpecTimeout(10*time.Second)),
		Entry("without a scheme", "192.168.1.5:8123", SpecTimeout(10*time.Second)),
		Entry("of another kind", "ws://192.168.1.5:8123", SpecTimeout(10*time.Second)),
	)
})

var _ = Describe("Home Assistant's own trouble", func() {
	It("is told apart from mistakes", func(ctx SpecContext) {
		home := newHome()
		home.mux.HandleFunc("GET /api/states/vacuum.odd", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		_, err := home.client().State(ctx, "vacuum.odd")
		server, ok := errors.AsType[*hass.ServerError](err)
		Expect(ok).To(BeTrue(), "%v", err)
		Expect(server.Message).To(Equal("status 500"))
	}, SpecTimeout(10*time.Second))

	It("is an answer that cannot be read", func(ctx SpecContext) {
		home := newHome()
		home.mux.HandleFunc("GET /api/states/vacuum.odd", write("<html>"))
		_, err := home.client().State(ctx, "vacuum.odd")
		Expect(err).To(MatchError(ContainSubstring("reading Home Assistant's answer to /api/states/vacuum.odd")))
	}, SpecTimeout(10*time.Second))
})

var _ = Describe("an access token", func() {
	It("is never printed", func() {
		type holder struct{ hidden hass.Token }
		for _, value := range []any{hass.NewToken(secret), holder{hass.NewToken(secret)}, &hass.Client{Token: hass.NewToken(secret)}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
				printed := fmt.Sprintf(verb, value)
				Expect(printed).NotTo(ContainSubstring("real"), verb)
				Expect(printed).NotTo(ContainSubstring(fmt.Sprintf("%x", "real")), verb)
			}
		}
	})
})

func expectSetup(err error, remedy string) {
	GinkgoHelper()
	setup, ok := errors.AsType[*hass.SetupError](err)
	Expect(ok).To(BeTrue(), "%v", err)
	Expect(setup.Remedy).To(ContainSubstring(remedy))
	Expect(err.Error()).NotTo(Or(ContainSubstring(secret), ContainSubstring("wrong-and-secret")))
}
