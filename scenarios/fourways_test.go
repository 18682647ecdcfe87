package scenarios_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

// way is how a step can end: an engine with a step on it.
type way func() (*scenarios.Engine, scenarios.Step)

func here(do scenarios.Action, expect string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return new(scenarios.Engine), scenarios.Step{Do: do, Expect: expect}
	}
}

var _ = Describe("a step of each kind", func() {
	pass := HaveField("Answer", harness.Pass)
	unexpected := And(HaveField("Answer", harness.Fail), HaveField("Cause", harness.Unexpected))
	late := And(HaveField("Answer", harness.Fail), HaveField("Cause", harness.TimedOut))
	unable := And(HaveField("Answer", harness.Inconclusive), HaveField("Cause", harness.Unable))
	lateUnable := And(HaveField("Answer", harness.Inconclusive), HaveField("Cause", harness.TimedOut))

	DescribeTable("ends", func(ctx SpecContext, start way, matcher any) {
		engine, step := start()
		if step.Timeout == 0 {
			step.Timeout = 300 * time.Millisecond
		}
		if matcher == any(pass) || matcher == any(unexpected) {
			step.Timeout = 20 * time.Second
		}
		outcome := kept(check(ctx, engine, one(step)))
		Expect(outcome.Steps).To(HaveLen(1))
		Expect(outcome.Steps[0]).To(matcher.(OmegaMatcher), outcome.Why)
		if outcome.Answer != harness.Pass {
			Expect(outcome.Why).NotTo(BeEmpty(), "whatever does not pass says why")
		}
	},
		Entry("miio: passed", on(s50), pass, SpecTimeout(30*time.Second)),
		Entry("miio: failed", on(`"unknown_method"`), unexpected, SpecTimeout(30*time.Second)),
		Entry("miio: late", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Device: newDevice(nil).client()}, scenarios.Step{Do: &scenarios.Miio{Method: "m"}}
		}, late, SpecTimeout(30*time.Second)),
		Entry("miio: unable", func() (*scenarios.Engine, scenarios.Step) {
			client := newDevice(nil).client()
			client.Dial = placeless().Dial
			return &scenarios.Engine{Device: client}, scenarios.Step{Do: &scenarios.Miio{Method: "m"}}
		}, unable, SpecTimeout(30*time.Second)),

		Entry("hass: passed", home(http.StatusOK, "docked", 0), pass, SpecTimeout(30*time.Second)),
		Entry("hass: failed", home(http.StatusOK, "unavailable", 0), unexpected, SpecTimeout(30*time.Second)),
		Entry("hass: late", home(http.StatusOK, "docked", time.Minute), lateUnable, SpecTimeout(30*time.Second)),
		Entry("hass: unable", home(http.StatusUnauthorized, "", 0), unable, SpecTimeout(30*time.Second)),

		Entry("http: passed", web(200, 0), pass, SpecTimeout(30*time.Second)),
		Entry("http: failed", web(500, 0), unexpected, SpecTimeout(30*time.Second)),
		Entry("http: late", web(200, time.Minute), late, SpecTimeout(30*time.Second)),
		Entry("http: unable", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Place: placeless()}, scenarios.Step{Do: &scenarios.HTTP{URL: "http://cloud.example"}}
		}, unable, SpecTimeout(30*time.Second)),

		Entry("tcp: passed", port(func(c net.Conn) { _, _ = io.WriteString(c, "hello") }, "text == 'hello'"), pass, SpecTimeout(30*time.Second)),
		Entry("tcp: failed", port(func(c net.Conn) { _, _ = io.WriteString(c, "go away") }, "text == 'hello'"), unexpected, SpecTimeout(30*time.Second)),
		Entry("tcp: refused", here(&scenarios.TCP{Address: "127.0.0.1:1"}, ""), unexpected, SpecTimeout(30*time.Second)),
		Entry("tcp: late", port(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, ""), late, SpecTimeout(30*time.Second)),
		Entry("tcp: unable", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Place: placeless()}, scenarios.Step{Do: &scenarios.TCP{Address: "device.example:80"}}
		}, unable, SpecTimeout(30*time.Second)),

		Entry("dns: passed", names(dns.RcodeSuccess, "answers == ['192.0.2.7']"), pass, SpecTimeout(30*time.Second)),
		Entry("dns: failed", names(dns.RcodeNameError, ""), unexpected, SpecTimeout(30*time.Second)),
		Entry("dns: late", silent(func(address string) scenarios.Action { return &scenarios.DNS{Name: "a.example", Server: address} }), late, SpecTimeout(30*time.Second)),
		Entry("dns: unable", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Place: placeless()}, scenarios.Step{Do: &scenarios.DNS{Name: "a.example", Server: "dns.example:53"}}
		}, unable, SpecTimeout(30*time.Second)),

		Entry("ntp: passed", clock(2, "offset_ms > -60000 && offset_ms < 60000 && stratum == 2"), pass, SpecTimeout(30*time.Second)),
		Entry("ntp: failed", clock(2, "stratum == 1"), unexpected, SpecTimeout(30*time.Second)),
		Entry("ntp: no true clock", clock(0, ""), unexpected, SpecTimeout(30*time.Second)),
		Entry("ntp: late", silent(func(address string) scenarios.Action { return &scenarios.NTP{Server: address} }), late, SpecTimeout(30*time.Second)),
		Entry("ntp: unable", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Place: placeless()}, scenarios.Step{Do: &scenarios.NTP{Server: "ntp.example"}}
		}, unable, SpecTimeout(30*time.Second)),

		Entry("mqtt: passed", broker(scenarios.MQTT{To: "plug", Topic: "+", Send: `{"power":1}`}, "json.power == 1 && topic == 'plug'"), pass, SpecTimeout(30*time.Second)),
		Entry("mqtt: failed", broker(scenarios.MQTT{To: "plug", Topic: "plug", Send: "off"}, "payload == 'on'"), unexpected, SpecTimeout(30*time.Second)),
		Entry("mqtt: late", broker(scenarios.MQTT{Topic: "nothing"}, ""), late, SpecTimeout(30*time.Second)),
		Entry("mqtt: unable", here(&scenarios.MQTT{Broker: "127.0.0.1:1", Topic: "a"}, ""), unable, SpecTimeout(30*time.Second)),

		Entry("exec: passed", here(&scenarios.Exec{Command: []string{"sh", "-c", `echo '{"map": true}'`}}, "exit == 0 && json.map == true"), pass, SpecTimeout(30*time.Second)),
		Entry("exec: failed", here(&scenarios.Exec{Command: []string{"sh", "-c", "echo no >&2; exit 3"}}, ""), unexpected, SpecTimeout(30*time.Second)),
		Entry("exec: late, with its children", here(&scenarios.Exec{Command: []string{"sh", "-c", "sleep 60 & sleep 60"}}, ""), late, SpecTimeout(30*time.Second)),
		Entry("exec: unable", here(&scenarios.Exec{Command: []string{"no-such-program"}}, ""), unable, SpecTimeout(30*time.Second)),

		Entry("wait: passed", here(&scenarios.Wait{For: time.Millisecond}, "waited_s >= 0.001"), pass, SpecTimeout(30*time.Second)),
		Entry("wait: failed", here(&scenarios.Wait{For: time.Millisecond}, "waited_s < 0"), unexpected, SpecTimeout(30*time.Second)),

		Entry("ginkgo: passed", suite(oneSpec), pass, SpecTimeout(30*time.Second)),
		Entry("ginkgo: failed", suite(threeSpecs), unexpected, SpecTimeout(30*time.Second)),
		Entry("ginkgo: late", func() (*scenarios.Engine, scenarios.Step) {
			return new(scenarios.Engine), scenarios.Step{Do: &scenarios.Ginkgo{Binary: program("sleep 60")}}
		}, late, SpecTimeout(30*time.Second)),
		Entry("ginkgo: unable", here(&scenarios.Ginkgo{Binary: "/nowhere/specs.test"}, ""), unable, SpecTimeout(30*time.Second)),

		Entry("prompt: passed", person(func(context.Context) (string, error) { return "Y\n", nil }), pass, SpecTimeout(30*time.Second)),
		Entry("prompt: failed", person(func(context.Context) (string, error) { return "no\n", nil }), unexpected, SpecTimeout(30*time.Second)),
		Entry("prompt: late", person(func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }), lateUnable, SpecTimeout(30*time.Second)),
		Entry("prompt: unable", here(&scenarios.Prompt{Text: "Is it on?"}, ""), unable, SpecTimeout(30*time.Second)),

		Entry("power: passed", here(&scenarios.Power{Exec: &scenarios.Toggle{Off: "true", On: "true"}, Off: time.Millisecond}, "off_s > 0"), pass, SpecTimeout(30*time.Second)),
		Entry("power: failed", here(&scenarios.Power{Exec: &scenarios.Toggle{Off: "true", On: "true"}, Off: time.Millisecond}, "off_s < 0"), unexpected, SpecTimeout(30*time.Second)),
		Entry("power: late", here(&scenarios.Power{Exec: &scenarios.Toggle{Off: "sleep 60", On: "true"}, Off: time.Millisecond}, ""), lateUnable, SpecTimeout(30*time.Second)),
		Entry("power: unable", here(&scenarios.Power{Exec: &scenarios.Toggle{Off: "false", On: "true"}, Off: time.Millisecond}, ""), unable, SpecTimeout(30*time.Second)),

		Entry("ping: passed", Label("root"), here(&scenarios.Ping{Host: "127.0.0.1", Count: 2}, "received == sent"), pass, SpecTimeout(30*time.Second)),
		Entry("ping: failed", Label("root"), here(&scenarios.Ping{Host: "::1", Count: 1}, "received > 1"), unexpected, SpecTimeout(30*time.Second)),
		Entry("ping: late", Label("root"), deafPing, late, SpecTimeout(30*time.Second)),
		Entry("ping: unable", func() (*scenarios.Engine, scenarios.Step) {
			return &scenarios.Engine{Place: placeless()}, scenarios.Step{Do: &scenarios.Ping{Host: "device.example"}}
		}, unable, SpecTimeout(30*time.Second)),
	)

	It("does not end as wait: late, which is refused before it begins", func() {
		_, err := new(scenarios.Engine).Scenario(one(scenarios.Step{Do: &scenarios.Wait{For: time.Minute}, Timeout: time.Second}))
		Expect(err).To(MatchError(ContainSubstring("write timeout: 2m")))
	})

	It("ends as wait: unable, when the experiment is stopped", func(ctx SpecContext) {
		stopped, stop := context.WithCancel(ctx)
		stop()
		outcome := kept(check(stopped, new(scenarios.Engine), one(scenarios.Step{Do: &scenarios.Wait{For: time.Second}})))
		Expect(outcome.Steps).To(HaveExactElements(unable))
	}, SpecTimeout(30*time.Second))

	It("ends in each of the four ways in a spec above", func() {
		text, err := os.ReadFile("fourways_test.go")
		Expect(err).NotTo(HaveOccurred())
		for _, kind := range scenarios.Kinds() {
			for _, way := range []string{"passed", "failed", "late", "unable"} {
				Expect(string(text)).To(ContainSubstring(kind.Name + ": " + way))
			}
		}
	})
})

// kept is an outcome as a run file gives it back.
func kept(outcome harness.Outcome) harness.Outcome {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "one.run")
	trial := harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady}
	file, err := runfile.Create(path, harness.Run{ID: "one", Scenarios: []harness.ScenarioInfo{{Name: "one"}}})
	Expect(err).NotTo(HaveOccurred())
	Expect(file.Append(harness.Result{Trial: trial, Outcomes: map[string]harness.Outcome{"one": outcome}})).To(Succeed())
	Expect(file.Close()).To(Succeed())
	run, err := runfile.Load(context.Background(), path)
	Expect(err).NotTo(HaveOccurred())
	Expect(run.Results).To(HaveLen(1))
	return run.Results[0].Outcomes["one"]
}

const oneSpec = `[{"SpecReports": [{"LeafNodeType": "It", "LeafNodeText": "moves", "State": "passed"}]}]`

func suite(report string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return new(scenarios.Engine), scenarios.Step{Do: &scenarios.Ginkgo{Binary: reporting(report)}}
	}
}

// placeless is a place from which nothing can be reached, and names cannot be
// looked up.
func placeless() scenarios.Place {
	return scenarios.Place{
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
		Packets: func(context.Context, string, string) (net.PacketConn, error) {
			return nil, net.ErrClosed
		},
		Command: func(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
			return exec.CommandContext(ctx, name, args...), func() error { return net.ErrClosed }
		},
	}
}

func on(result string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return &scenarios.Engine{Device: newDevice(map[string]string{"m": result}).client()}, scenarios.Step{Do: &scenarios.Miio{Method: "m"}}
	}
}

// slowly serves an answer, unless the client has gone meanwhile.
func slowly(status int, text string, after time.Duration) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		case <-r.Context().Done():
		}
	}))
	DeferCleanup(server.Close)
	return server.URL
}

func home(status int, state string, after time.Duration) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		url := slowly(status, fmt.Sprintf(`{"state":%q}`, state), after)
		return &scenarios.Engine{Home: hass.NewToken("token")}, scenarios.Step{Do: &scenarios.Hass{URL: url, Entity: "vacuum.s50"}}
	}
}

func web(status int, after time.Duration) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return new(scenarios.Engine), scenarios.Step{Do: &scenarios.HTTP{URL: slowly(status, "ok", after)}}
	}
}

func port(serve func(net.Conn), expect string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return new(scenarios.Engine), scenarios.Step{Do: &scenarios.TCP{Address: serving(serve), Read: true}, Expect: expect}
	}
}

// socket is open for datagrams.
func socket() net.PacketConn {
	GinkgoHelper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { conn.Close() })
	return conn
}

// silent hears and says nothing.
func silent(do func(address string) scenarios.Action) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		return new(scenarios.Engine), scenarios.Step{Do: do(socket().LocalAddr().String())}
	}
}

func names(rcode int, expect string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		conn := socket()
		server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			answer := new(dns.Msg).SetRcode(question, rcode)
			if rcode == dns.RcodeSuccess {
				record, _ := dns.NewRR("a.example. 60 IN A 192.0.2.7")
				answer.Answer = append(answer.Answer, record)
			}
			_ = w.WriteMsg(answer)
		})}
		go func() { _ = server.ActivateAndServe() }()
		resolver := netip.MustParseAddrPort(conn.LocalAddr().String())
		return &scenarios.Engine{Place: scenarios.Place{Resolver: resolver}}, scenarios.Step{Do: &scenarios.DNS{Name: "a.example"}, Expect: expect}
	}
}

// clock answers NTP (RFC 5905) with this machine's own time.
func clock(stratum byte, expect string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		conn := socket()
		go func() {
			request := make([]byte, 512)
			for {
				length, from, err := conn.ReadFrom(request)
				if err != nil || length < 48 {
					return
				}
				reply := make([]byte, 48)
				reply[0], reply[1] = 4<<3|4, stratum // version 4, server
				copy(reply[24:32], request[40:48])
				for _, at := range []int{16, 32, 40} {
					putTime(reply[at:], time.Now())
				}
				if _, err := conn.WriteTo(reply, from); err != nil {
					return
				}
			}
		}()
		return new(scenarios.Engine), scenarios.Step{Do: &scenarios.NTP{Server: conn.LocalAddr().String()}, Expect: expect}
	}
}

// putTime writes seconds since 1900, and their fraction.
func putTime(into []byte, now time.Time) {
	seconds := uint32(now.Unix() + 2208988800)
	fraction := uint32(uint64(now.Nanosecond()) << 32 / 1e9)
	for i := range 4 {
		into[i], into[4+i] = byte(seconds>>(24-8*i)), byte(fraction>>(24-8*i))
	}
}

func broker(do scenarios.MQTT, expect string) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
		Expect(server.AddHook(new(auth.AllowHook), nil)).To(Succeed())
		Expect(server.AddListener(listeners.NewNet("loopback", listener))).To(Succeed())
		Expect(server.Serve()).To(Succeed())
		DeferCleanup(server.Close)
		do.Broker = listener.Addr().String()
		return new(scenarios.Engine), scenarios.Step{Do: &do, Expect: expect}
	}
}

func person(answer func(context.Context) (string, error)) way {
	return func() (*scenarios.Engine, scenarios.Step) {
		ask := func(ctx context.Context, _ scenarios.Question) (string, error) { return answer(ctx) }
		return &scenarios.Engine{Ask: ask}, scenarios.Step{Do: &scenarios.Prompt{Text: "Does the app show the map?"}}
	}
}

// deafPing sends its requests to where nobody hears them.
func deafPing() (*scenarios.Engine, scenarios.Step) {
	engine := &scenarios.Engine{Place: scenarios.Place{
		Packets: func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := new(net.ListenConfig).ListenPacket(ctx, network, address)
			return discarding{conn}, err
		},
	}}
	return engine, scenarios.Step{Do: &scenarios.Ping{Host: "127.0.0.1", Count: 1}}
}

// discarding is a socket that sends nothing.
type discarding struct{ net.PacketConn }

func (discarding) WriteTo(packet []byte, _ net.Addr) (int, error) { return len(packet), nil }
