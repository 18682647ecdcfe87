package hass_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/hass"
)

// talker is a Home Assistant that speaks WebSocket too, and has one plug.
type talker struct {
	*httptest.Server

	mutex    sync.Mutex
	plug     string
	services []string
	refusal  string // of the next service call, as a JSON object; "" obeys
	delay    time.Duration
	stuck    bool // the plug does not do what it is told
}

type message struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Token   string `json:"access_token"`
	Service string `json:"service"`
	Target  struct {
		Entity string `json:"entity_id"`
	} `json:"target"`
}

func newTalker() *talker {
	t := &talker{plug: "on"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/websocket", t.talk)
	mux.HandleFunc("GET /api/states/switch.plug", func(w http.ResponseWriter, _ *http.Request) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		fmt.Fprintf(w, `{"entity_id":"switch.plug","state":%q}`, t.plug)
	})
	mux.HandleFunc("/api/services/", func(http.ResponseWriter, *http.Request) {
		defer GinkgoRecover()
		Fail("it speaks WebSocket: nobody should call a service by REST")
	})
	t.Server = httptest.NewServer(mux)
	DeferCleanup(t.Close)
	return t
}

func (t *talker) client(token string) *hass.Client {
	return &hass.Client{URL: t.URL, Token: hass.NewToken(token), HTTP: t.Client()}
}

func (t *talker) talk(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	say := func(text string, values ...any) error {
		return conn.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, text, values...))
	}
	if say(`{"type":"auth_required","ha_version":"2024.3.3"}`) != nil {
		return
	}
	for {
		var heard message
		if wsjson.Read(r.Context(), conn, &heard) != nil {
			return
		}
		if t.answer(r.Context(), heard, say) != nil {
			return
		}
	}
}

func (t *talker) answer(ctx context.Context, heard message, say func(string, ...any) error) error {
	switch heard.Type {
	case "auth":
		if heard.Token != secret {
			return errors.Join(say(`{"type":"auth_invalid","message":"Invalid access token or password"}`), errors.New("wrong token"))
		}
		return say(`{"type":"auth_ok","ha_version":"2024.3.3"}`)
	case "call_service":
		return t.serve(ctx, heard, say)
	}
	return say(`{"id":%d,"type":"result","success":true,"result":null}`, heard.ID)
}

func (t *talker) serve(ctx context.Context, heard message, say func(string, ...any) error) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.services = append(t.services, heard.Service+" "+heard.Target.Entity)
	if t.refusal != "" {
		return say(`{"id":%d,"type":"result","success":false,"error":%s}`, heard.ID, t.refusal)
	}
	// Others' news come in between.
	failure := errors.Join(
		say(`{"id":1,"type":"event","event":{"data":{"entity_id":"sun.sun","new_state":{"state":"above_horizon"}}}}`),
		say(`{"id":%d,"type":"result","success":true,"result":{"context":{}}}`, heard.ID))
	state := map[string]string{"turn_off": "off", "turn_on": "on"}[heard.Service]
	if state == "" || t.stuck {
		return failure
	}
	time.AfterFunc(t.delay, func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.plug = state
		if ctx.Err() == nil {
			_ = say(`{"id":1,"type":"event","event":{"data":{"entity_id":"switch.plug","new_state":{"state":%q}}}}`, state)
		}
	})
	return failure
}

var _ = Describe("a Home Assistant that speaks WebSocket", func() {
	It("is asked over it to poll", func(ctx SpecContext) {
		home := newTalker()
		Expect(home.client(secret).Refresh(ctx, "switch.plug")).To(Succeed())
		Expect(home.services).To(HaveExactElements("update_entity switch.plug"))
	}, SpecTimeout(10*time.Second))

	It("says over it that the token is wrong", func(ctx SpecContext) {
		expectSetup(newTalker().client("wrong-and-secret").Refresh(ctx, "switch.plug"), "long-lived access token")
	}, SpecTimeout(10*time.Second))

	It("says why a service failed", func(ctx SpecContext) {
		home := newTalker()
		home.refusal = `{"code":"home_assistant_error","message":"Unable to reach the plug"}`
		err := home.client(secret).Refresh(ctx, "switch.plug")
		server, ok := errors.AsType[*hass.ServerError](err)
		Expect(ok).To(BeTrue(), "%v", err)
		Expect(server.Message).To(Equal("home_assistant_error, Unable to reach the plug"))
	}, SpecTimeout(10*time.Second))

	DescribeTable("refuses what is a mistake of the set-up:", func(ctx SpecContext, refusal, remedy string) {
		home := newTalker()
		home.refusal = refusal
		expectSetup(home.client(secret).Refresh(ctx, "switch.plug"), remedy)
	},
		Entry("a user who may not", `{"code":"unauthorized","message":"Unauthorized"}`, "administrator", SpecTimeout(10*time.Second)),
		Entry("a service that is not there yet", `{"code":"not_found","message":"Service homeassistant.update_entity not found."}`, "has started", SpecTimeout(10*time.Second)),
	)

	It("ends with the caller's patience", func(ctx SpecContext) {
		mute := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if conn, err := websocket.Accept(w, r, nil); err == nil {
				<-conn.CloseRead(r.Context()).Done()
			}
		}))
		DeferCleanup(mute.Close)
		brief, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		client := &hass.Client{URL: mute.URL, Token: hass.NewToken(secret)}
		Expect(client.Refresh(brief, "switch.plug")).To(MatchError(context.DeadlineExceeded))
	}, SpecTimeout(10*time.Second))

	It("has switched when the switch says so, and not when the call succeeds", func(ctx SpecContext) {
		home := newTalker()
		home.delay = 200 * time.Millisecond
		Expect(home.client(secret).Turn(ctx, "switch.plug", false)).To(Succeed())
		Expect(home.plug).To(Equal("off"))
		Expect(home.client(secret).Turn(ctx, "switch.plug", true)).To(Succeed())
		Expect(home.plug).To(Equal("on"))
		Expect(home.services).To(HaveExactElements("turn_off switch.plug", "turn_on switch.plug"))
	}, SpecTimeout(10*time.Second))

	It("says what a switch is that did not obey", func(ctx SpecContext) {
		home := newTalker()
		home.stuck = true
		brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		Expect(home.client(secret).Turn(brief, "switch.plug", false)).To(MatchError(ContainSubstring(`switch.plug was told to turn off, and is "on"`)))
	}, SpecTimeout(10*time.Second))

	It("is not told to turn a switch that it does not have", func(ctx SpecContext) {
		home := newTalker()
		expectSetup(home.client(secret).Turn(ctx, "switch.plgu", false), "Developer tools")
		Expect(home.services).To(BeEmpty())
	}, SpecTimeout(10*time.Second))
})
