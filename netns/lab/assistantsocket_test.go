package lab_test

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab/labtest"
)

// message is what goes over the stand-in's WebSocket.
type message = map[string]any

// call opens the stand-in's WebSocket and says who is there.
func (h *home) call(ctx context.Context, token string) (conn *websocket.Conn, answer message) {
	GinkgoHelper()
	client := &http.Client{Transport: &http.Transport{DialContext: h.App.Dial}}
	conn, _, err := websocket.Dial(ctx, h.Assistant.URL+"/api/websocket", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // Dial closes it
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { _ = conn.CloseNow() }) // the other side may have been first
	Expect(hear(ctx, conn)).To(HaveKeyWithValue("type", "auth_required"))
	say(ctx, conn, message{"type": "auth", "access_token": token})
	return conn, hear(ctx, conn)
}

func say(ctx context.Context, conn *websocket.Conn, what message) {
	GinkgoHelper()
	Expect(wsjson.Write(ctx, conn, what)).To(Succeed())
}

func hear(ctx context.Context, conn *websocket.Conn) (what message) {
	GinkgoHelper()
	Expect(wsjson.Read(ctx, conn, &what)).To(Succeed())
	return what
}

var _ = Describe("The stand-in's WebSocket", Label("root"), func() {
	It("hangs up on a wrong token", func(ctx SpecContext) {
		conn, answer := live(ctx, library("all-optional")).call(ctx, "wrong")
		Expect(answer).To(HaveKeyWithValue("type", "auth_invalid"))
		_, _, err := conn.Read(ctx)
		Expect(websocket.CloseStatus(err)).To(Equal(websocket.StatusNormalClosure))
	}, SpecTimeout(time.Minute))

	It("obeys what it knows, and says what is wrong with the rest", func(ctx SpecContext) {
		h := live(ctx, library("all-optional"))
		conn, answer := h.call(ctx, h.Assistant.Token)
		Expect(answer).To(HaveKeyWithValue("type", "auth_ok"))
		asks := func(what message) message {
			say(ctx, conn, what)
			return hear(ctx, conn)
		}
		refused := func(code string) OmegaMatcher {
			return And(HaveKeyWithValue("success", false), HaveKeyWithValue("error", HaveKeyWithValue("code", code)))
		}
		Expect(asks(message{"id": 5, "type": "ping"})).To(Equal(message{"id": 5.0, "type": "pong"}))
		Expect(asks(message{"id": 5, "type": "ping"})).To(refused("id_reuse"))
		Expect(asks(message{"id": 6, "type": "get_states"})).To(HaveKeyWithValue("result", HaveExactElements(HaveKeyWithValue("entity_id", h.Assistant.Entity))))
		Expect(asks(message{"id": 7, "type": "get_nothing"})).To(refused("unknown_command"))
		Expect(asks(message{"id": 8, "type": "call_service", "domain": "vacuum", "service": "start"})).To(refused("not_found"))
		Expect(asks(message{"id": 9, "type": "unsubscribe_events", "subscription": 1})).To(refused("not_found"))
	}, SpecTimeout(time.Minute))

	It("tells what changes, until it is told to stop", func(ctx SpecContext) {
		h := live(ctx, library("one-of-each"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		conn, _ := h.call(ctx, h.Assistant.Token)
		say(ctx, conn, message{"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
		Expect(hear(ctx, conn)).To(HaveKeyWithValue("success", true))
		h.block(labtest.Refused, "broker")
		changed := hear(ctx, conn)
		Expect(changed).To(And(HaveKeyWithValue("id", 1.0), HaveKeyWithValue("type", "event")))
		Expect(changed["event"]).To(HaveKeyWithValue("data", And(
			HaveKeyWithValue("old_state", HaveKeyWithValue("state", "docked")),
			HaveKeyWithValue("new_state", HaveKeyWithValue("state", "unavailable")),
		)))
		say(ctx, conn, message{"id": 2, "type": "unsubscribe_events", "subscription": 1})
		Expect(hear(ctx, conn)).To(HaveKeyWithValue("success", true))
		h.unblock("broker")
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		say(ctx, conn, message{"id": 3, "type": "ping"})
		Expect(hear(ctx, conn)).To(HaveKeyWithValue("type", "pong"))
	}, SpecTimeout(time.Minute))
})
