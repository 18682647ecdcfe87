package page_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// listen opens a page that shows something.
func listen(options page.Options) *page.Server {
	GinkgoHelper()
	server, err := page.Listen(options)
	Expect(err).NotTo(HaveOccurred())
	ended, end := context.WithCancel(context.Background())
	end()
	DeferCleanup(func() { _ = server.Serve(ended) }) // gives the address back
	server.Show(page.Content{
		Report: func() reports.Report {
			return reports.NewReport(harness.Run{Status: harness.Running}, harness.Judgement{})
		},
		Live: reports.Live{Now: "Trial 1"},
	})
	return server
}

// everywhere is a page that other machines can open.
var everywhere = page.Options{Address: "0.0.0.0:0", View: true}

// request is one that a browser sends which opened the page by its address.
func request(method, path string, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Host, r.RemoteAddr = "192.168.1.5:8080", "192.168.1.7:40000"
	for _, f := range change {
		f(r)
	}
	return r
}

func with(header, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(header, value) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// answer is what the page answers.
func answer(server *page.Server, r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, r)
	return recorder.Result()
}

// pathOf is the path of a link.
func pathOf(link string) string {
	GinkgoHelper()
	_, token, found := strings.Cut(link, "/enter/")
	Expect(found).To(BeTrue())
	return "/enter/" + token
}

// cookieOf is the cookie that a link is exchanged for.
func cookieOf(server *page.Server, link string) func(*http.Request) {
	GinkgoHelper()
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, request("GET", pathOf(link)))
	cookie, err := http.ParseSetCookie(recorder.Header().Get("Set-Cookie"))
	Expect(err).NotTo(HaveOccurred())
	return func(r *http.Request) { r.AddCookie(cookie) }
}

var _ = Describe("a page in the home network", func() {
	It("is open to others while one sends slowly on as many connections as it gets, and lets go of them", func(ctx SpecContext) {
		server := listen(everywhere)
		serve(server)
		link, err := url.Parse(server.Links().Control)
		Expect(err).NotTo(HaveOccurred())
		dial := func(from string) net.Conn {
			GinkgoHelper()
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			connection, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:"+link.Port())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(connection.Close)
			return connection
		}
		var slow []net.Conn
		for range 200 { // more than the page has in all
			connection := dial("127.0.0.2")
			_, _ = connection.Write([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1"))
			slow = append(slow, connection)
		}
		other := dial("127.0.0.3")
		_, err = other.Write([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"))
		Expect(err).NotTo(HaveOccurred())
		Expect(io.ReadAll(other)).To(ContainSubstring("401 Unauthorized"))
		Expect(slow[0].SetReadDeadline(time.Now().Add(time.Millisecond))).To(Succeed())
		_, err = slow[0].Read(make([]byte, 1))
		Expect(err).To(MatchError(os.ErrDeadlineExceeded), "the first is still open: nobody waited for its end")
		Expect(slow[0].SetReadDeadline(time.Time{})).To(Succeed())
		for _, connection := range slow { // each is closed, without an answer to what was never sent
			_, err := io.Copy(io.Discard, connection)
			Expect(err).To(Or(Not(HaveOccurred()), MatchError(syscall.ECONNRESET)))
		}
	}, SpecTimeout(time.Minute))

	It("shows nothing to who does not have the link", func() {
		server := listen(everywhere)
		for _, path := range []string{"/", "/events", "/style.css", "/page.js", "/anything"} {
			Expect(answer(server, request("GET", path))).To(HaveField("StatusCode", http.StatusUnauthorized), path)
		}
		Expect(answer(server, request("GET", "/enter/wrong"))).To(And(HaveField("StatusCode", http.StatusForbidden), HaveField("Header", Not(HaveKey("Set-Cookie")))))
		name := strings.Split(answer(server, request("GET", pathOf(server.Links().Control))).Header.Get("Set-Cookie"), "=")[0]
		for _, value := range []string{"", "wrong", server.Links().Control[strings.LastIndex(server.Links().Control, "/")+1:]} {
			Expect(answer(server, request("GET", "/", with("Cookie", name+"="+value)))).To(HaveField("StatusCode", http.StatusUnauthorized), value)
		}
	})

	It("opens with a link, whose token becomes a cookie that no script and no other site gets", func() {
		server := listen(everywhere)
		for _, link := range []string{server.Links().Control, server.Links().View} {
			Expect(answer(server, request("GET", "/", cookieOf(server, link)))).To(HaveField("StatusCode", http.StatusOK))
			entered := answer(server, request("GET", pathOf(link)))
			Expect(entered.Header.Get("Set-Cookie")).To(And(ContainSubstring("; HttpOnly"), ContainSubstring("; SameSite=Strict"), ContainSubstring("; Path=/")))
			Expect(entered.Header.Get("Set-Cookie")).NotTo(ContainSubstring(link[strings.LastIndex(link, "/")+1:]), "the token stays out of the cookie")
		}
		Expect(server.Links().View).NotTo(Equal(server.Links().Control))
	})

	It("has no link that only shows unless it is asked for", func() {
		server := listen(page.Options{Address: "0.0.0.0:0"})
		Expect(server.Links().View).To(BeEmpty())
		Expect(answer(server, request("GET", "/enter/"))).NotTo(HaveField("StatusCode", http.StatusOK))
		address, err := url.Parse(server.Links().Control)
		Expect(err).NotTo(HaveOccurred())
		Expect(answer(server, request("GET", "/", with("Cookie", "needwant-"+address.Port()+"=")))).To(HaveField("StatusCode", http.StatusUnauthorized))
	})

	DescribeTable("is not at a name that somebody else resolves to this machine (DNS rebinding)", func(name string, status int) {
		server := listen(everywhere)
		Expect(answer(server, request("GET", "/", host(name), cookieOf(server, server.Links().Control)))).To(HaveField("StatusCode", status))
	},
		Entry("an attacker's", "evil.example:8080", http.StatusMisdirectedRequest),
		Entry("an attacker's that begins as an address", "192.168.1.5.evil.example:8080", http.StatusMisdirectedRequest),
		Entry("none", "", http.StatusMisdirectedRequest),
		Entry("an address", "192.168.1.5:8080", http.StatusOK),
		Entry("an address of IPv6", "[fd00::5]:8080", http.StatusOK),
		Entry("localhost", "localhost:8080", http.StatusOK),
		Entry("this machine's name", hostname()+":8080", http.StatusOK),
		Entry("this machine's name in the home", hostname()+".local:8080", http.StatusOK),
	)

	DescribeTable("does nothing that another page asks for (CSRF)", func(origin string, status int) {
		server := listen(everywhere)
		r := request("POST", "/anything", cookieOf(server, server.Links().Control))
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		Expect(answer(server, r)).To(HaveField("StatusCode", status))
	},
		Entry("another site", "http://evil.example", http.StatusForbidden),
		Entry("another port of this machine", "http://192.168.1.5:9090", http.StatusForbidden),
		Entry("another scheme", "https://192.168.1.5:8080", http.StatusForbidden),
		Entry("an opaque one", "null", http.StatusForbidden),
		Entry("none", "", http.StatusForbidden),
		Entry("its own, for what there is not", "http://192.168.1.5:8080", http.StatusNotFound),
	)

	It("does nothing for a link that only shows", func() {
		server := listen(everywhere)
		own := with("Origin", "http://192.168.1.5:8080")
		Expect(answer(server, request("POST", "/anything", own, cookieOf(server, server.Links().View)))).To(HaveField("StatusCode", http.StatusForbidden))
	})

	It("lets nobody guess", func() {
		server := listen(everywhere)
		for range 10 {
			Expect(answer(server, request("GET", "/enter/wrong"))).To(HaveField("StatusCode", http.StatusForbidden))
		}
		Expect(answer(server, request("GET", "/enter/wrong"))).To(HaveField("StatusCode", http.StatusTooManyRequests))
		elsewhere := func(r *http.Request) { r.RemoteAddr = "192.168.1.8:40000" }
		Expect(answer(server, request("GET", "/enter/wrong", elsewhere))).To(HaveField("StatusCode", http.StatusForbidden), "another sender is not to blame")
	})

	It("answers a sender a limited number of requests, and others as before", func() {
		server := listen(page.Options{})
		status := 0
		for range 1000 {
			if status = answer(server, request("GET", "/")).StatusCode; status != http.StatusOK {
				break
			}
		}
		Expect(status).To(Equal(http.StatusTooManyRequests))
		elsewhere := func(r *http.Request) { r.RemoteAddr = "[fd00::1]:40000" }
		Expect(answer(server, request("GET", "/", elsewhere))).To(HaveField("StatusCode", http.StatusOK))
	})

	It("has a limited number of connections", func(ctx SpecContext) {
		server, err := page.Listen(page.Options{})
		Expect(err).NotTo(HaveOccurred())
		serving, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(serving) }()
		DeferCleanup(func() {
			stop()
			Expect(<-ended).To(Succeed())
		})
		address, err := url.Parse(server.Links().Control)
		Expect(err).NotTo(HaveOccurred())
		open := func() net.Conn {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", address.Host)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { _ = c.Close() }) // one is closed already
			return c
		}
		var idle []net.Conn
		for range 128 {
			idle = append(idle, open())
		}
		answered := make(chan error, 1)
		last := open()
		_, err = last.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		Expect(err).NotTo(HaveOccurred())
		go func() {
			_, err := last.Read(make([]byte, 1))
			answered <- err
		}()
		Consistently(answered, "100ms").ShouldNot(Receive())
		Expect(idle[0].Close()).To(Succeed())
		Eventually(ctx, answered).Should(Receive(BeNil()))
	}, SpecTimeout(20*time.Second))

	It("allows a page its own files alone, and no frame around it", func() {
		server := listen(page.Options{})
		for _, path := range []string{"/", "/style.css", "/enter/wrong"} {
			header := answer(server, request("GET", path)).Header
			Expect(header.Get("Content-Security-Policy")).To(And(
				HavePrefix("default-src 'none'; "), ContainSubstring("script-src 'self';"), ContainSubstring("frame-ancestors 'none'"),
				ContainSubstring("form-action 'self'"), ContainSubstring("base-uri 'none'"), Not(ContainSubstring("unsafe")), Not(ContainSubstring("http"))))
			Expect(header.Get("X-Content-Type-Options")).To(Equal("nosniff"))
			Expect(header.Get("X-Frame-Options")).To(Equal("DENY"))
			Expect(header.Get("Referrer-Policy")).To(Equal("same-origin"))
			Expect(header.Get("Cross-Origin-Resource-Policy")).To(Equal("same-origin"))
			Expect(header.Get("Cache-Control")).To(Equal("no-store"))
		}
	})

	It("needs no link on loopback, unless there is one that only shows", func() {
		local := listen(page.Options{})
		Expect(local.Links()).To(And(HaveField("Local", true), HaveField("Control", MatchRegexp(`^http://127\.0\.0\.1:\d+/$`))))
		Expect(answer(local, request("GET", "/"))).To(HaveField("StatusCode", http.StatusOK))
		Expect(answer(listen(page.Options{View: true}), request("GET", "/"))).To(HaveField("StatusCode", http.StatusUnauthorized))
	})
})

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		panic(err)
	}
	return name
}

var _ = Describe("an address of a page", func() {
	DescribeTable("that is none is explained", func(options page.Options, why string) {
		_, err := page.Listen(options)
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("a name", page.Options{Address: "example.org:80"}, `"example.org" is not an address of this machine`),
		Entry("an address of another machine", page.Options{Address: "192.0.2.1:0"}, "choose another address or port"),
		Entry("a certificate that is not there", page.Options{Certificate: filepath.Join(os.TempDir(), "none.pem")}, "give --web-cert and --web-key"),
	)
})
