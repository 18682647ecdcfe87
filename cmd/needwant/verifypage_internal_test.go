package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("the page of a verification", func() {
	var server *page.Server
	BeforeEach(func() {
		var err error
		server, err = page.Listen(page.Options{})
		Expect(err).NotTo(HaveOccurred())
		ended, end := context.WithCancel(context.Background())
		end()
		DeferCleanup(func() { _ = server.Serve(ended) })
	})
	request := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = "127.0.0.1"
		r.Header.Set("Origin", "http://127.0.0.1")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, r)
		return recorder
	}
	text := func() string { return request(http.MethodGet, "/", "").Body.String() }

	It("shows what is held, until when, and what the checks came to, and stops it", func() {
		s := newSoakPage(&webPage{board: server.Board, server: server}, harness.Run{Device: harness.Device{Name: "hall lamp"}, Status: harness.Complete}, harness.Soak{For: time.Hour})
		Expect(text()).To(And(ContainSubstring("hall lamp"), ContainSubstring("Nothing is blocked: everything must work like that first.")))
		s.hold(policy.BlockOptional, harness.Trial{Block: []harness.Destination{{Protocol: harness.TCP, Port: 443, Name: "stats.example"}}})
		Expect(text()).To(And(ContainSubstring("1 destination is blocked (block-optional)."), MatchRegexp(`<li class="cut"><bdi>stats`), ContainSubstring("It is held until ")))
		s.round(3, "app works    web fails")
		Expect(text()).To(And(ContainSubstring("round 3 of checks: app works web fails."), ContainSubstring(">Stop: everything reachable</button>"), Not(ContainSubstring(`value="pause"`))))

		stopped := make(chan bool, 1)
		end := s.obey(func() { stopped <- true })
		Expect(request(http.MethodPost, "/order", url.Values{"do": {"stop"}}.Encode()).Code).To(Equal(http.StatusSeeOther))
		Eventually(stopped).Should(Receive())
		end()
	})

	DescribeTable("says what is blocked", func(kind policy.Kind, blocked int, want string) {
		Expect(soaking(kind, blocked)).To(Equal(want))
	},
		Entry("several", policy.BlockOptional, 4, "4 destinations are blocked (block-optional)"),
		Entry("all but what is needed", policy.AllowRequired, 1, "1 destination and everything that was never seen are blocked (allow-required)"),
	)

	It("is nothing if there is no page", func() {
		s := newSoakPage(nil, harness.Run{}, harness.Soak{})
		s.hold(policy.BlockOptional, harness.Trial{})
		s.round(1, "")
		s.obey(func() {})()
	})
})
