package hass_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/hass"
)

// hostile is a Home Assistant that says what it likes once it is asked to tell of
// changes.
func hostile(say func(ctx context.Context, write func(text string) error)) *hass.Client {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/states/switch.plug", write(`{"entity_id":"switch.plug","state":"on"}`))
	mux.HandleFunc("GET /api/websocket", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		tell := func(text string) error { return conn.Write(r.Context(), websocket.MessageText, []byte(text)) }
		var heard message
		if tell(`{"type":"auth_required"}`) != nil || wsjson.Read(r.Context(), conn, &heard) != nil ||
			tell(`{"type":"auth_ok"}`) != nil || wsjson.Read(r.Context(), conn, &heard) != nil {
			return
		}
		say(r.Context(), tell)
		<-conn.CloseRead(r.Context()).Done()
	})
	server := httptest.NewServer(mux)
	DeferCleanup(server.Close)
	return &hass.Client{URL: server.URL, Token: hass.NewToken(secret)}
}

var _ = Describe("a hostile Home Assistant", func() {
	It("cannot make us keep what it floods us with", func(ctx SpecContext) {
		const events, size = 20_000, 5_000
		var sent atomic.Int64
		var attributes strings.Builder
		for name := range size / 26 {
			fmt.Fprintf(&attributes, `"%010d":"0123456789",`, name)
		}
		client := hostile(func(_ context.Context, write func(string) error) {
			for range events {
				if write(`{"id":1,"type":"event","event":{"data":{"entity_id":"sun.sun","new_state":{"state":"on","attributes":{`+attributes.String()+`"a":[1,2]}}}}}`) != nil {
					return
				}
				sent.Add(1)
			}
		})
		stopped, stop := context.WithCancel(ctx)
		turned := make(chan error, 1)
		before := held()
		go func() { turned <- client.Turn(stopped, "switch.plug", false) }()
		Eventually(sent.Load).WithContext(ctx).Within(time.Minute).Should(BeEquivalentTo(events))
		Expect(held()).To(BeNumerically("<", before+(16<<20)), "%d MB were sent", events*size>>20)
		stop()
		Eventually(turned).WithContext(ctx).Should(Receive(HaveOccurred()))
	}, SpecTimeout(2*time.Minute))

	It("cannot make us read a message of any size", func(ctx SpecContext) {
		client := hostile(func(_ context.Context, write func(string) error) {
			_ = write(`{"id":1,"type":"result","success":true,"result":"` + strings.Repeat("x", 8<<20) + `"}`)
		})
		Expect(client.Turn(ctx, "switch.plug", false)).To(MatchError(ContainSubstring("sent a message of more than 1048576 bytes")))
	}, SpecTimeout(time.Minute))
})

// held is how much memory is in use.
func held() uint64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

var _ = Describe("a Home Assistant that is not there now", func() {
	absent := func(err error) {
		GinkgoHelper()
		_, ok := errors.AsType[*hass.AbsentError](err)
		Expect(ok).To(BeTrue(), "%v", err)
	}

	DescribeTable("is told from one that is set up wrongly: a proxy answers with", func(ctx SpecContext, status int) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		DeferCleanup(server.Close)
		client := &hass.Client{URL: server.URL, Token: hass.NewToken(secret)}
		_, err := client.State(ctx, "vacuum.s50")
		absent(err)
		absent(client.Refresh(ctx, "vacuum.s50"))
	},
		Entry(nil, http.StatusBadGateway, SpecTimeout(10*time.Second)),
		Entry(nil, http.StatusServiceUnavailable, SpecTimeout(10*time.Second)),
		Entry(nil, http.StatusGatewayTimeout, SpecTimeout(10*time.Second)),
	)

	It("refuses connections, or breaks them off", func(ctx SpecContext) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"state\":")
				conn.Close()
			}
		}))
		client := &hass.Client{URL: server.URL, Token: hass.NewToken(secret)}
		_, err := client.State(ctx, "vacuum.s50")
		absent(err)
		server.Close()
		_, err = client.State(ctx, "vacuum.s50")
		absent(err)
		absent(client.Refresh(ctx, "vacuum.s50"))
	}, SpecTimeout(10*time.Second))

	It("closes its WebSocket while it is asked", func(ctx SpecContext) {
		absent(hostile(func(ctx context.Context, _ func(string) error) { panic(http.ErrAbortHandler) }).Refresh(ctx, "switch.plug"))
	}, SpecTimeout(10*time.Second))

	DescribeTable("starts, which makes entities missing and unavailable", func(ctx SpecContext, state string, gone bool) {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/config", write(fmt.Sprintf(`{"version":"2026.11.0","state":%q}`, state)))
		mux.HandleFunc("GET /api/states/vacuum.s50", write(`{"state":"unavailable","attributes":{"restored":true}}`))
		server := httptest.NewServer(mux)
		DeferCleanup(server.Close)
		client := &hass.Client{URL: server.URL, Token: hass.NewToken(secret)}
		_, err := client.State(ctx, "vacuum.s50")
		if gone {
			absent(err)
			_, err = client.State(ctx, "vacuum.s51")
			absent(err)
			return
		}
		Expect(err).NotTo(HaveOccurred())
		_, err = client.State(ctx, "vacuum.s51")
		expectSetup(err, "Developer tools")
	},
		Entry(nil, "STARTING", true, SpecTimeout(10*time.Second)),
		Entry(nil, "NOT_RUNNING", true, SpecTimeout(10*time.Second)),
		Entry(nil, "RUNNING", false, SpecTimeout(10*time.Second)),
		Entry(nil, "", false, SpecTimeout(10*time.Second)),
	)
})

// pipes is a listener without a network.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, more := <-p
	if !more {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p <- theirs
	return ours, nil
}

// TestPendingAuthentication is outside of the suite, since synctest needs a *testing.T.
func TestPendingAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		mute := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if conn, err := websocket.Accept(w, r, nil); err == nil {
				<-conn.CloseRead(r.Context()).Done()
			}
		})}
		go func() { _ = server.Serve(mute) }()
		client := &hass.Client{URL: "http://home.example", Token: hass.NewToken(secret), HTTP: &http.Client{Transport: &http.Transport{DialContext: mute.dial}}}
		began := time.Now()
		err := client.Refresh(t.Context(), "vacuum.s50")
		_, absent := errors.AsType[*hass.AbsentError](err)
		g.Expect(absent).To(BeTrue(), "%v", err)
		g.Expect(time.Since(began)).To(Equal(10 * time.Second))
		close(mute)
		_ = server.Close()
	})
}

var _ = Describe("the access token", func() {
	It("stays with its Home Assistant when that leads elsewhere", func(ctx SpecContext) {
		var elsewhere atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		DeferCleanup(other.Close)
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+r.URL.Path, status)
			}))
			DeferCleanup(server.Close)
			client := &hass.Client{URL: server.URL, Token: hass.NewToken(secret), HTTP: server.Client()}
			_, err := client.State(ctx, "vacuum.s50")
			expectSetup(err, "write the URL that it leads to")
			expectSetup(client.Refresh(ctx, "vacuum.s50"), "write the URL that it leads to")
		}
		Expect(elsewhere.Load()).To(BeZero())
	}, SpecTimeout(10*time.Second))

	It("may be shown again where Home Assistant leads to itself", func(ctx SpecContext) {
		home := newHome()
		home.mux.HandleFunc("GET /old/api/states/vacuum.s50", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/api/states/vacuum.s50", http.StatusPermanentRedirect)
		})
		client := home.client()
		client.URL += "/old"
		state, err := client.State(ctx, "vacuum.s50")
		Expect(err).NotTo(HaveOccurred())
		Expect(state.State).To(Equal("docked"))
	}, SpecTimeout(10*time.Second))

	It("goes through no proxy", func(ctx SpecContext) {
		var asked atomic.Int64
		proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		DeferCleanup(proxy.Close)
		GinkgoT().Setenv("HTTP_PROXY", proxy.URL)
		client := &hass.Client{URL: "http://192.0.2.1:1", Token: hass.NewToken(secret)}
		brief, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err := client.State(brief, "vacuum.s50")
		Expect(err).To(HaveOccurred())
		Expect(asked.Load()).To(BeZero())
	}, SpecTimeout(10*time.Second))
})
