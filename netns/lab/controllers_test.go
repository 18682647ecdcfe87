package lab_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// request sends one request from a namespace and returns the status and the body.
func request(ctx context.Context, from *netns.Namespace, method, url, token, body string) (int, string) {
	GinkgoHelper()
	client := http.Client{Transport: &http.Transport{DialContext: from.Dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer.StatusCode, string(text)
}

// entity is the state that the stand-in shows.
func (h *home) entity(ctx context.Context) func() string {
	return func() string {
		GinkgoHelper()
		code, body := request(ctx, h.App, "GET", h.Assistant.URL+"/api/states/"+h.Assistant.Entity, h.Assistant.Token, "")
		Expect(code).To(Equal(http.StatusOK))
		var entity struct{ State string }
		Expect(json.Unmarshal([]byte(body), &entity)).To(Succeed())
		return entity.State
	}
}

// reported is when the stand-in last wrote the state.
func (h *home) reported(ctx context.Context) time.Time {
	GinkgoHelper()
	_, body := request(ctx, h.App, "GET", h.Assistant.URL+"/api/states/"+h.Assistant.Entity, h.Assistant.Token, "")
	var entity struct {
		Reported time.Time `json:"last_reported"`
	}
	Expect(json.Unmarshal([]byte(body), &entity)).To(Succeed())
	return entity.Reported
}

// config is the state that the stand-in says it is in itself.
func (h *home) config(ctx context.Context) (string, error) {
	client := http.Client{Transport: &http.Transport{DialContext: h.App.Dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Assistant.URL+"/api/config", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+h.Assistant.Token)
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var config struct{ State string }
	err = json.NewDecoder(answer.Body).Decode(&config)
	return config.State, err
}

// refresh asks the stand-in for a poll.
func (h *home) refresh(ctx context.Context) {
	GinkgoHelper()
	code, _ := request(ctx, h.App, "POST", h.Assistant.URL+"/api/services/homeassistant/update_entity", h.Assistant.Token,
		`{"entity_id": "`+h.Assistant.Entity+`"}`)
	Expect(code).To(Equal(http.StatusOK))
}

var _ = Describe("The Home Assistant stand-in", Label("root"), func() {
	It("shows the device while its reads answer, and unavailable when not", func(ctx SpecContext) {
		h := live(ctx, library("one-of-each"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.block(labtest.Refused, "broker")
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("unavailable"))
		h.unblock("broker")
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
	}, SpecTimeout(time.Minute))

	It("polls again before update_entity returns", func(ctx SpecContext) {
		// So slow that no poll of its own comes in between.
		h := live(ctx, parsed(small+"tempo: {contact: 50ms, poll: 10m}\nfailure: error\nfunctions: {status: a}\n"))
		h.works(ctx)
		Eventually(func() string { // its first poll may be under way still
			h.refresh(ctx)
			return h.entity(ctx)()
		}).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.block(labtest.Refused, "a")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		Expect(h.entity(ctx)()).To(Equal("docked"), "nobody has polled")
		h.refresh(ctx)
		Expect(h.entity(ctx)()).To(Equal("unavailable"))
	}, SpecTimeout(time.Minute))

	// A try takes 3 s, so that a poll of a silent device takes 9. If its own poll began before
	// the device was known to be silent, it may be over too soon: then this begins again.
	It("writes the old state again, at once, while its own poll hangs", FlakeAttempts(3), func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms, poll: 9s}\nfunctions: {status: a}\n"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.block(labtest.Blackhole, "a")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		go func() {
			defer GinkgoRecover()
			h.refresh(ctx) // it hangs, unless the stand-in's own poll does
		}()
		before := h.reported(ctx)
		Eventually(func() bool {
			h.refresh(ctx)
			return h.entity(ctx)() == "docked" && h.reported(ctx).After(before)
		}).WithContext(ctx).Within(patiently).Should(BeTrue())
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("unavailable"))
	}, SpecTimeout(time.Minute))

	// If its own first poll is under way when one is asked for, that one is made at once
	// afterwards, and the next is not too soon: it is asked once more before the block, and
	// this begins again if it still was too early.
	It("defers a poll that is asked for too soon, in a world that says so", FlakeAttempts(6), func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 50ms, poll: 10m}\nfailure: error\nfunctions: {status: a}\nassistant: {cooldown: 8s}\n"))
		h.works(ctx)
		Eventually(func() string {
			h.refresh(ctx)
			return h.entity(ctx)()
		}).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.refresh(ctx)
		h.block(labtest.Refused, "a")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		h.refresh(ctx)
		Expect(h.entity(ctx)()).To(Equal("docked"), "it is deferred")
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("unavailable"), "and made when the time is over")
	}, SpecTimeout(time.Minute))

	It("is away when it restarts, and then not ready for a while", func(ctx SpecContext) {
		h := live(ctx, library("all-optional"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		restarted := make(chan error, 1)
		go func() { restarted <- h.RestartAssistant(ctx, 500*time.Millisecond, 500*time.Millisecond) }()
		ask := func() (string, error) { return h.config(ctx) }
		Eventually(func() error { _, err := ask(); return err }).WithContext(ctx).Within(patiently).Should(HaveOccurred())
		Eventually(ask).WithContext(ctx).Within(patiently).Should(Equal("STARTING"))
		Expect(h.entity(ctx)()).To(Equal("unavailable"))
		Eventually(ask).WithContext(ctx).Within(patiently).Should(Equal("RUNNING"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		Eventually(restarted).WithContext(ctx).Should(Receive(BeNil()))
	}, SpecTimeout(time.Minute))

	It("falls back to the cloud in a world that says so, while the cloud knows the device", func(ctx SpecContext) {
		h := live(ctx, parsed(small+"tempo: {contact: 60ms, poll: 150ms}\nfunctions: {status: b}\nassistant: {fallback: cloud}\n"))
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("docked"))
		h.block(labtest.Refused, "b")
		Eventually(h.asks(ctx, "get_status")).WithContext(ctx).Within(patiently).ShouldNot(Succeed())
		h.refresh(ctx)
		Expect(h.entity(ctx)()).To(Equal("docked"))
		Expect(h.asks(ctx, "find_me", "")()).To(Succeed())
		Expect(h.asks(ctx, "app_pause", "")()).To(Succeed())
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("paused"), "the device tells its cloud")
		h.block(labtest.Refused, "a")
		Eventually(h.entity(ctx)).WithContext(ctx).Within(patiently).Should(Equal("unavailable"))
	}, SpecTimeout(time.Minute))

	It("answers as Home Assistant does to what is wrong", func(ctx SpecContext) {
		h := live(ctx, library("all-optional"))
		state := h.Assistant.URL + "/api/states/"
		code := func(method, url, token, body string) int {
			code, _ := request(ctx, h.App, method, url, token, body)
			return code
		}
		Expect(code("GET", state+h.Assistant.Entity, "wrong", "")).To(Equal(401))
		Expect(code("GET", state+"vacuum.other", h.Assistant.Token, "")).To(Equal(404))
		Expect(code("GET", h.Assistant.URL+"/api/", h.Assistant.Token, "")).To(Equal(200))
		update := h.Assistant.URL + "/api/services/homeassistant/update_entity"
		Expect(code("POST", update, h.Assistant.Token, "{")).To(Equal(400))
		Expect(code("POST", update, h.Assistant.Token, `{"entity_id": ["vacuum.other"]}`)).To(Equal(200))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("A command through the cloud", Label("root"), func() {
	const world = small + `  e: {host: e.example, addresses: ["2001:db8::5"], protocol: tcp, port: 8883}
tempo: {contact: 60ms}
scenarios: [remote]
`
	command := func(ctx context.Context, h *home) func() int {
		return func() int {
			code, _ := request(ctx, h.Phone, "POST", h.Command, "", "")
			return code
		}
	}

	DescribeTable("is obeyed while its expression holds, by whichever session is open",
		func(ctx SpecContext, expression string, blocked []string, obeyed int) {
			h := live(ctx, parsed(world+"functions: {remote: "+expression+"}\n"))
			Eventually(command(ctx, h)).WithContext(ctx).Within(patiently).Should(Equal(200))
			h.block(labtest.Blackhole, blocked...)
			Eventually(command(ctx, h)).WithContext(ctx).Within(patiently).Should(Equal(obeyed))
		},
		Entry("by TLS", SpecTimeout(time.Minute), "a", []string{"c", "e"}, 200),
		Entry("by a keep-alive", SpecTimeout(time.Minute), "c", []string{"a", "e"}, 200),
		Entry("by a plain stream", SpecTimeout(time.Minute), "e", []string{"a", "c"}, 200),
		Entry("not without the session", SpecTimeout(time.Minute), "a", []string{"a"}, 504),
		Entry("not without what else it needs", SpecTimeout(time.Minute), "a && b", []string{"b"}, 504),
		Entry("by any of several", SpecTimeout(time.Minute), "a || c", []string{"a"}, 200),
	)
})

var _ = Describe("A lab", Label("root"), func() {
	It("refuses a world that nobody checked", func(ctx SpecContext) {
		_, err := lab.Start(ctx, lab.World{Name: "made up"}, lab.Options{})
		Expect(err).To(MatchError(ContainSubstring("lab.Make")))
	}, SpecTimeout(time.Minute))

	It("can be started, restarted and closed many times without leaving anything behind", func(ctx SpecContext) {
		files := func() int { return len(openFiles()) }
		world := library("one-of-each")
		run := func() {
			l, err := lab.Start(ctx, world, lab.Options{})
			Expect(err).NotTo(HaveOccurred())
			gateway, err := labtest.Open(l)
			Expect(err).NotTo(HaveOccurred())
			Eventually(l.Attempts).Within(patiently).Should(HaveKey("tcp/443/api.purifier.example"))
			Expect(l.Restart(ctx)).To(Succeed())
			Expect(gateway.Close()).To(Succeed())
			Expect(l.Close()).To(Succeed())
		}
		run()
		before := files()
		for range 5 {
			run()
		}
		Eventually(files).Within(patiently).Should(BeNumerically("<=", before))
	}, SpecTimeout(time.Minute))
})
