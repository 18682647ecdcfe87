package scenarios_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

// shelly wants digest authentication with SHA-256 (RFC 7616), as a Shelly of the
// second generation does (home-assistant/core #143467).
func shelly(user, password string) http.HandlerFunc {
	field := regexp.MustCompile(`(\w+)="?([^",]+)"?`)
	return func(w http.ResponseWriter, r *http.Request) {
		said := map[string]string{}
		for _, pair := range field.FindAllStringSubmatch(r.Header.Get("Authorization"), -1) {
			said[pair[1]] = pair[2]
		}
		secret := hashed(user, "shellyplus1", password)
		if said["response"] != hashed(secret, said["nonce"], said["nc"], said["cnonce"], said["qop"], hashed(r.Method, said["uri"])) {
			w.Header().Set("WWW-Authenticate", `Digest qop="auth", realm="shellyplus1", nonce="62a1b2c3", algorithm=SHA-256`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"output":true}`)
	}
}

func served(handler http.Handler) string {
	server := httptest.NewServer(handler)
	DeferCleanup(server.Close)
	return server.URL
}

// ownCertificate is a server over TLS that no machine trusts.
func ownCertificate() *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"on":true}`) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	DeferCleanup(server.Close)
	return server
}

func fingerprint(server *httptest.Server) string {
	sum := sha256.Sum256(server.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

var _ = Describe("a local web server", func() {
	ask := func(ctx context.Context, do scenarios.HTTP) harness.Outcome {
		GinkgoHelper()
		return check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do}))
	}
	login := func(user, password string) *scenarios.Login {
		return &scenarios.Login{User: user, Password: scenarios.Secret(secret("PASSWORD", password))}
	}

	It("may want digest authentication", func(ctx SpecContext) {
		url := served(shelly("admin", "the-password")) + "/rpc/Switch.GetStatus?id=0"
		outcome := ask(ctx, scenarios.HTTP{URL: url, Auth: &scenarios.Auth{Digest: login("admin", "the-password")}})
		Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
		Expect(outcome.Steps[0].Saw).To(Equal(`200 {"output":true}`))

		outcome = ask(ctx, scenarios.HTTP{URL: url, Auth: &scenarios.Auth{Digest: login("admin", "another-one")}})
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(ContainSubstring("does not accept the user and the password"))
		expectClean(outcome, "another-one")

		outcome = ask(ctx, scenarios.HTTP{URL: url})
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(ContainSubstring("auth: {digest: {user: NAME, password: env:NAME}}"))
	}, SpecTimeout(20*time.Second))

	It("may want basic authentication, and repeat it", func(ctx SpecContext) {
		url := served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			fmt.Fprint(w, user, " ", password, " ", r.Header.Get("Authorization"))
		}))
		outcome := ask(ctx, scenarios.HTTP{URL: url, Auth: &scenarios.Auth{Basic: login("admin", "the-password")}})
		Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
		Expect(outcome.Steps[0].Saw).To(Equal("200 admin (redacted) Basic (redacted)"))
	}, SpecTimeout(20*time.Second))

	DescribeTable("may have a certificate of its own", func(ctx SpecContext, how scenarios.TLS, fingerprinted func(*httptest.Server) string, answer harness.Answer, says string) {
		server := ownCertificate()
		outcome := ask(ctx, scenarios.HTTP{URL: server.URL, TLS: how, Fingerprint: fingerprinted(server)})
		Expect(outcome.Answer).To(Equal(answer), outcome.Why)
		Expect(outcome.Why).To(ContainSubstring(says))

		address := strings.TrimPrefix(server.URL, "https://")
		if how == "" {
			return
		}
		tcp := check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &scenarios.TCP{Address: address, TLS: how, Fingerprint: fingerprinted(server)}}))
		Expect(tcp.Answer).To(Equal(answer), tcp.Why)
		Expect(tcp.Why).To(ContainSubstring(says))
	},
		Entry("which is not trusted", scenarios.TLS(""), func(*httptest.Server) string { return "" }, harness.Inconclusive, "write tls: pinned, or tls: insecure", SpecTimeout(20*time.Second)),
		Entry("which may be any", scenarios.TLS("insecure"), func(*httptest.Server) string { return "" }, harness.Pass, "", SpecTimeout(20*time.Second)),
		Entry("which is known", scenarios.TLS("pinned"), fingerprint, harness.Pass, "", SpecTimeout(20*time.Second)),
		Entry("which is the first that is seen", scenarios.TLS("pinned"), func(*httptest.Server) string { return "" }, harness.Pass, "", SpecTimeout(20*time.Second)),
		Entry("which is not the known one", scenarios.TLS("pinned"), func(*httptest.Server) string { return strings.Repeat("ab:", 31) + "ab" }, harness.Inconclusive, "and not AB:AB:", SpecTimeout(20*time.Second)),
	)

	It("must keep the first certificate that was seen", func(ctx SpecContext) {
		first, second := ownCertificate(), ownCertificate()
		second.TLS.Certificates = []tls.Certificate{anotherCertificate()}
		to := first.Listener.Addr().String()
		place := scenarios.Place{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, to)
		}}
		scenario, err := (&scenarios.Engine{Place: place}).Scenario(one(scenarios.Step{Do: &scenarios.HTTP{URL: "https://192.168.50.10/", TLS: "pinned"}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(scenario.Check(ctx).Answer).To(Equal(harness.Pass))
		Expect(scenario.Check(ctx).Answer).To(Equal(harness.Pass))
		to = second.Listener.Addr().String()
		outcome := scenario.Check(ctx)
		Expect(outcome.Answer).To(Equal(harness.Inconclusive), outcome.Why)
		Expect(outcome.Why).To(ContainSubstring("has the fingerprint"))
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("tls in a spec", func() {
	DescribeTable("is a boolean or a word", func(step string, how scenarios.TLS) {
		file := parsed(Default, `scenarios: {one: {steps: [`+step+`]}}
`)
		switch do := file.Scenarios[0].Steps[0].Do.(type) {
		case *scenarios.TCP:
			Expect(do.TLS).To(Equal(how))
		case *scenarios.MQTT:
			Expect(do.TLS).To(Equal(how))
		case *scenarios.HTTP:
			Expect(do.TLS).To(Equal(how))
		}
	},
		Entry(nil, `{tcp: {address: "192.168.50.10:443", tls: true}}`, scenarios.TLS("true")),
		Entry(nil, `{tcp: {address: "192.168.50.10:443", tls: false}}`, scenarios.TLS("")),
		Entry(nil, `{mqtt: {broker: "192.168.1.5:8883", topic: a, tls: true}}`, scenarios.TLS("true")),
		Entry(nil, `{mqtt: {broker: "192.168.1.5:8883", topic: a, tls: insecure}}`, scenarios.TLS("insecure")),
		Entry(nil, `{http: {url: "https://192.168.50.10/", tls: pinned}}`, scenarios.TLS("pinned")),
		Entry(nil, `{http: {url: "https://192.168.50.10/", tls: insecure}}`, scenarios.TLS("insecure")),
	)
})

// redirected counts what reaches another server, and how secret that is.
func redirected(status int) (url string, reached func() (requests int64, leaked string)) {
	var requests atomic.Int64
	var leaked atomic.Value
	leaked.Store("")
	other := served(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		body, _ := io.ReadAll(r.Body)
		leaked.Store(fmt.Sprint(r.Header, r.URL, string(body)))
	}))
	url = served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+"/elsewhere", status) }))
	return url, func() (int64, string) { return requests.Load(), leaked.Load().(string) }
}

var _ = Describe("a redirect to another server", func() {
	for _, status := range []int{301, 302, 303, 307, 308} {
		DescribeTable(fmt.Sprintf("with status %d is not followed with a secret", status), func(ctx SpecContext, hide func(do *scenarios.HTTP)) {
			url, reached := redirected(status)
			do := scenarios.HTTP{URL: url, Method: "POST"}
			hide(&do)
			if strings.HasPrefix(do.URL, "env:") {
				do.URL = secret("REDIRECTING_URL", url+"/?key=canary-in-the-query")
			}
			outcome := check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do}))
			requests, leaked := reached()
			Expect(requests).To(BeZero(), leaked)
			Expect(outcome.Answer).To(Equal(harness.Fail))
			Expect(outcome.Why).To(ContainSubstring("leads to another server"))
			expectClean(outcome, "canary")
		},
			Entry("in a header", func(do *scenarios.HTTP) {
				do.Headers = map[string]string{"X-Api-Key": secret("API_KEY", "canary-in-a-header")}
			}, SpecTimeout(20*time.Second)),
			Entry("in the body", func(do *scenarios.HTTP) { do.Body = secret("BODY", "canary-in-the-body") }, SpecTimeout(20*time.Second)),
			Entry("in the URL", func(do *scenarios.HTTP) { do.URL = "env:REDIRECTING_URL" }, SpecTimeout(20*time.Second)),
			Entry("in basic authentication", func(do *scenarios.HTTP) {
				do.Auth = &scenarios.Auth{Basic: &scenarios.Login{User: "a", Password: scenarios.Secret(secret("PASSWORD", "canary-as-a-password"))}}
			}, SpecTimeout(20*time.Second)),
			Entry("in digest authentication", func(do *scenarios.HTTP) {
				do.Auth = &scenarios.Auth{Digest: &scenarios.Login{User: "a", Password: scenarios.Secret(secret("PASSWORD", "canary-as-a-password"))}}
			}, SpecTimeout(20*time.Second)),
		)
	}

	It("is followed without one", func(ctx SpecContext) {
		url, reached := redirected(http.StatusFound)
		Expect(check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &scenarios.HTTP{URL: url}})).Answer).To(Equal(harness.Pass))
		requests, _ := reached()
		Expect(requests).To(BeEquivalentTo(1))
	}, SpecTimeout(20*time.Second))

	It("is followed with a secret to the same server", func(ctx SpecContext) {
		url := served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
				return
			}
			fmt.Fprint(w, r.Header.Get("X-Api-Key") == "canary-in-a-header")
		}))
		do := scenarios.HTTP{URL: url, Headers: map[string]string{"X-Api-Key": secret("API_KEY", "canary-in-a-header")}}
		outcome := check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do, Expect: `text == "true"`}))
		Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("what a step says", func() {
	It("has no secret, in whatever form a server repeats it", func(ctx SpecContext) {
		echo := served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %q %s", body, r.URL.Path, r.URL.RawQuery, regexp.MustCompile(`\W+`).ReplaceAllString(string(body), " "))
		}))
		do := scenarios.HTTP{
			URL: secret("HOOK", echo+"/api/webhook/canaryhook12/lights?k=canary%20query"), Method: "POST",
			Body: secret("BODY", `{"pin":"canarypin1","list":["canarypin2"]}`),
		}
		outcome := check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do, Expect: "status == 500"}))
		Expect(outcome.Answer).To(Equal(harness.Fail))
		expectClean(outcome, "canaryhook12", "canarypin1", "canarypin2", "canary%20query", "canary query")

		do.URL = secret("HOOK", nobody()+"/api/webhook/canaryhook12")
		expectClean(check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do})), "canaryhook12", "canarypin1")
	}, SpecTimeout(20*time.Second))

	It("has no secret of a power switch", func(ctx SpecContext) {
		plug := served(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, r.URL)
		}))
		url := secret("PLUG", plug+"/off?password=canary-of-the-plug")
		power := &scenarios.Power{HTTP: &scenarios.Toggle{Off: url, On: url}, Off: time.Millisecond}
		outcome := check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: power}))
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("the switch says 403"))
		expectClean(outcome, "canary")
	}, SpecTimeout(20*time.Second))
})

// fake is a broker that reads packets and answers the first with an answer for it.
func fake(answers func(packet []byte) []byte) string {
	return serving(func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			head, err := reader.Peek(2)
			if err != nil {
				return
			}
			packet := make([]byte, 2+int(head[1])) // the packets of these specs are short
			if _, err := io.ReadFull(reader, packet); err != nil {
				return
			}
			answer := answers(packet)
			if packet[0] == pingRequest { // a client may send one at any time
				answer = []byte{0xd0, 0}
			}
			if answer == nil {
				return
			}
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	})
}

// The first byte of packets, and where CONNECT has its version.
const (
	connect, publish, subscribe, pingRequest = 0x10, 0x30, 0x82, 0xc0
	atVersion                                = 8
)

// aedes is a broker that knows MQTT 3.1.1 only, and refuses others in some way.
func aedes(refuse []byte) string {
	return fake(func(packet []byte) []byte {
		switch {
		case packet[0] == connect && packet[atVersion] != 4:
			return refuse
		case packet[0] == connect:
			return []byte{0x20, 2, 0, 0}
		case packet[0] == subscribe:
			return append([]byte{0x90, 3, packet[2], packet[3], 1}, publish, 6, 0, 2, 'o', 'n', '4', '2')
		}
		return []byte{}
	})
}

var _ = Describe("an MQTT broker", func() {
	hear := func(ctx context.Context, do scenarios.MQTT) harness.Outcome {
		GinkgoHelper()
		do.Topic = "on"
		return check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do, Expect: `payload == "42"`, Timeout: 4 * time.Second}))
	}

	DescribeTable("may know version 3.1.1 only, and refuse version 5 with", func(ctx SpecContext, refuse []byte) {
		outcome := hear(ctx, scenarios.MQTT{Broker: aedes(refuse)})
		Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
	},
		Entry("the code of 3.1.1 (moscajs/aedes #1085)", []byte{0x20, 2, 0, 1}, SpecTimeout(20*time.Second)),
		Entry("the code of 5", []byte{0x20, 3, 0, 0x84, 0}, SpecTimeout(20*time.Second)),
		Entry("the end of the connection (mosquitto #3046)", nil, SpecTimeout(20*time.Second)),
		Entry("silence", []byte{}, SpecTimeout(20*time.Second)),
	)

	It("is asked with version 3.1.1 alone if the step says so", func(ctx SpecContext) {
		versions := make(chan byte, 8)
		broker := fake(func(packet []byte) []byte {
			if packet[0] == connect {
				versions <- packet[atVersion]
			}
			return nil
		})
		Expect(hear(ctx, scenarios.MQTT{Broker: broker, Version: "3.1.1"}).Answer).To(Equal(harness.Inconclusive))
		Expect(versions).To(Receive(BeEquivalentTo(4)))
		Consistently(versions, 50*time.Millisecond).ShouldNot(Receive())
	}, SpecTimeout(20*time.Second))

	DescribeTable("says with version 3.1.1, too, that the password is wrong", func(ctx SpecContext, code byte) {
		broker := fake(func(packet []byte) []byte {
			if packet[atVersion] != 4 {
				return nil
			}
			return []byte{0x20, 2, 0, code}
		})
		outcome := hear(ctx, scenarios.MQTT{Broker: broker, Username: "me", Password: scenarios.Secret(secret("PASSWORD", "canary-password"))})
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("check username and password"))
		expectClean(outcome, "canary")
	}, Entry(nil, byte(4), SpecTimeout(20*time.Second)), Entry(nil, byte(5), SpecTimeout(20*time.Second)))

	DescribeTable("cannot make us keep a packet of any size", func(ctx SpecContext, version string) {
		var most atomic.Uint64
		huge := []byte{publish, 0xff, 0xff, 0xff, 0x7f} // 256 MB
		broker := fake(func(packet []byte) []byte {
			switch {
			case packet[0] == connect && packet[atVersion] == 4:
				return []byte{0x20, 2, 0, 0}
			case packet[0] == connect:
				return []byte{0x20, 3, 0, 0, 0}
			case packet[0] == subscribe && version == "5":
				return append([]byte{0x90, 4, packet[2], packet[3], 0, 1}, huge...)
			case packet[0] == subscribe:
				return append([]byte{0x90, 3, packet[2], packet[3], 1}, huge...)
			}
			return nil
		})
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		outcome := hear(ctx, scenarios.MQTT{Broker: broker, Version: version})
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		most.Store(after.TotalAlloc - before.TotalAlloc)
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("sent a packet of"))
		Expect(most.Load()).To(BeNumerically("<", 64<<20), "allocated in all")
	}, Entry(nil, "5", SpecTimeout(20*time.Second)), Entry(nil, "3.1.1", SpecTimeout(20*time.Second)))
})

// anotherCertificate is one that a device makes for itself.
func anotherCertificate() tls.Certificate {
	GinkgoHelper()
	_, key, err := ed25519.GenerateKey(nil)
	Expect(err).NotTo(HaveOccurred())
	about := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
