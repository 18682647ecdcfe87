package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("a person who is told on a phone", func() {
	notify := func(as, to string, out io.Writer) (*notifier, error) {
		GinkgoHelper()
		GinkgoT().Setenv("SPEC_NOTIFY", to)
		file, err := scenarios.Parse("spec.yaml", []byte(`apiVersion: needwant/v1
kind: Scenarios
device: {address: 192.168.50.10}
gateway: {placement: nic, inside: eth1, uplink: eth0}
notify: {url: env:SPEC_NOTIFY, as: `+as+`}
scenarios: {works: {steps: [{prompt: Does it work?}]}}
`))
		Expect(err).NotTo(HaveOccurred())
		return newNotifier(file, "vacuum\x1b[2J", out)
	}

	DescribeTable("gets each question and the end", func(as, kind, body string) {
		var got, title, contentType atomic.Value
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			got.Store(string(text))
			title.Store(r.Header.Get("Title"))
			contentType.Store(r.Header.Get("Content-Type"))
		}))
		DeferCleanup(server.Close)
		n, err := notify(as, server.URL+"/secret", io.Discard)
		Expect(err).NotTo(HaveOccurred())
		n.say("question 1: Does it work?")
		n.wait()
		Expect(got.Load()).To(And(HavePrefix(body), Not(ContainSubstring("\x1b"))))
		Expect(contentType.Load()).To(HavePrefix(kind))
		Expect(title.Load()).To(HavePrefix("needwant: vacuum"))
		Expect(title.Load()).NotTo(ContainSubstring("\x1b"))
	},
		Entry("as text", "text", "text/plain", "question 1: Does it work?"),
		Entry("as JSON", "json", "application/json", `{"message":"question 1: Does it work?","title":"needwant: vacuum`),
	)

	It("is told of one failure at the terminal, without the secret address", func() {
		server := httptest.NewServer(http.NotFoundHandler())
		DeferCleanup(server.Close)
		var out strings.Builder
		n, err := notify("text", server.URL+"/secret", &out)
		Expect(err).NotTo(HaveOccurred())
		for range 3 {
			n.say("a")
		}
		n.wait()
		Expect(out.String()).To(Equal("notify: the message could not be sent: the server answered 404 Not Found\n"))
		server.Close()
		out.Reset()
		n, err = notify("text", server.URL+"/secret", &out)
		Expect(err).NotTo(HaveOccurred())
		n.say("a")
		n.wait()
		Expect(out.String()).To(HavePrefix("notify: the message could not be sent: "))
		Expect(out.String()).NotTo(ContainSubstring("secret"))
	})

	It("is not told at an address that is none, nor without one", func() {
		_, err := notify("text", "file:///etc/passwd", io.Discard)
		Expect(err).To(MatchError(ContainSubstring("expected the address of a server")))
		Expect(err.Error()).NotTo(ContainSubstring("passwd"))
		var nobody *notifier
		nobody.say("a")
		nobody.wait()
	})
})
