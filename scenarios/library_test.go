package scenarios_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the library", func() {
	It("has a spec for what people have at home, each with a line about it", func() {
		names := []string{}
		for _, entry := range scenarios.Library() {
			names = append(names, entry.Name)
			Expect(entry.File.About).To(HaveSuffix("."), entry.Name)
			Expect(scenarios.Find(entry.Name)).To(HaveField("About", entry.File.About))
			Expect(entry.File.Folder()).To(Equal("."), "its programs run where the user stands")
			for _, spec := range entry.File.Scenarios {
				Expect(spec.Title).NotTo(BeEmpty(), entry.Name)
			}
		}
		Expect(names).To(ConsistOf("roborock-s50", "roborock-s5max", "yeelight-bulb", "miio", "home-assistant",
			"mqtt-device", "http-device", "android-app", "lab-s50", "any-device", "tv",
			"shelly-gen1", "shelly-gen2", "tasmota", "esphome", "tuya", "kasa", "hue", "chromecast", "camera", "printer"))
	})

	It("suggests a name", func() {
		_, err := scenarios.Find("roborok-s50")
		Expect(err).To(MatchError(ContainSubstring(`did you mean "roborock-s50"?`)))
	})

	It("gives way to a file", func() {
		path := filepath.Join(GinkgoT().TempDir(), "mine")
		Expect(os.WriteFile(path, []byte(labHead+"    steps: [{wait: 1s}]\n"), 0o600)).To(Succeed())
		Expect(scenarios.Find(path)).To(HaveField("Scenarios", HaveExactElements(HaveField("Name", "one"))))
	})

	// What the programs print is what tinytuya 1.20.0 and python-kasa 0.12.0 print of devices that
	// answer, that want another key, and that do not answer.
	DescribeTable("judges a device by what a program says of it:", func(ctx SpecContext, name, program, good, bad string) {
		for answer, script := range map[harness.Answer]string{harness.Pass: good, harness.Fail: bad} {
			folder := GinkgoT().TempDir()
			Expect(os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\n"+script+"\n"), 0o700)).To(Succeed())
			GinkgoT().Setenv("PATH", folder+":"+os.Getenv("PATH"))
			GinkgoT().Setenv("TUYA_KEY", "0123456789abcdef")
			file, err := scenarios.Find(name)
			Expect(err).NotTo(HaveOccurred())
			spec := file.Scenarios[0]
			spec.Retry = scenarios.Retry{}
			outcome := check(ctx, new(scenarios.Engine), spec)
			Expect(outcome.Answer).To(Equal(answer), outcome.Why)
		}
	},
		Entry("Tuya", "tuya", "python3", `[ "$*" = "-m tinytuya get --ip 192.168.50.10 --id eb0123456789abcdefghij --version 3.4 --key 0123456789abcdef" ] && echo '{"protocol": 4, "data": {"dps": {"20": true}}, "dps": {"20": true}}'`,
			`echo 'Error 914: Check device key or version'; exit 1`, SpecTimeout(20*time.Second)),
		Entry("Kasa", "kasa", "kasa", `[ "$*" = "--json --host 192.168.50.10 --type plug sysinfo" ] && echo '{"model": "HS100(EU)", "relay_state": 1, "err_code": 0}'`, `exit 1`, SpecTimeout(20*time.Second)),
	)

	DescribeTable("judges a device by what a person says of it:", func(ctx SpecContext, name string, asks ...string) {
		for word, answer := range map[string]harness.Answer{"yes": harness.Pass, "no": harness.Fail, "unsure": harness.Inconclusive} {
			var asked []string
			engine := &scenarios.Engine{Ask: func(_ context.Context, question scenarios.Question) (string, error) {
				Expect(question.Answers).To(ContainElement(word))
				asked = append(asked, question.Text)
				return word, nil
			}}
			file, err := scenarios.Find(name)
			Expect(err).NotTo(HaveOccurred())
			for _, spec := range file.Scenarios {
				outcome := check(ctx, engine, spec)
				Expect(outcome.Answer).To(Equal(answer), outcome.Why)
			}
			Expect(asked).To(ConsistOf(asks))
		}
	},
		Entry("any device", "any-device", "Use the device as you always do. Does it work?", SpecTimeout(20*time.Second)),
		Entry("a television", "tv", "Start what you usually watch. Does it play?", "Open the apps that you use. Do they all work?", SpecTimeout(20*time.Second)),
	)

	// What the devices answer is from their makers' descriptions of the interfaces.
	DescribeTable("judges a device by what it answers:", func(ctx SpecContext, name, good, bad string) {
		for answer, text := range map[harness.Answer]string{harness.Pass: good, harness.Fail: bad} {
			outcome := check(ctx, new(scenarios.Engine), pointedAt(name, answeringWith(text)))
			Expect(outcome.Answer).To(Equal(answer), outcome.Why)
		}
	},
		Entry("a Shelly of the first generation", "shelly-gen1", ok(`{"ison":false,"has_timer":false,"timer_remaining":0,"source":"http"}`), ok(`{"errors":["busy"]}`), SpecTimeout(20*time.Second)),
		Entry("a later Shelly", "shelly-gen2", ok(`{"id":0,"source":"WS_in","output":true,"apower":8.9,"voltage":237.5}`), ok(`{"code":-103,"message":"Invalid argument"}`), SpecTimeout(20*time.Second)),
		Entry("Tasmota", "tasmota", ok(`{"POWER":"ON"}`), ok(`{"WARNING":"Need user=<username>&password=<password>"}`), SpecTimeout(20*time.Second)),
		Entry("Tasmota with two relays", "tasmota", ok(`{"POWER1":"OFF","POWER2":"ON"}`), ok(`{"Command":"Unknown"}`), SpecTimeout(20*time.Second)),
		Entry("ESPHome", "esphome", "\x00+\x02\x08\x01\x10\x0c\x1a\x1ckitchen (esphome v2026.10.1)\"\x07kitchen", ok("not its API"), SpecTimeout(20*time.Second)),
		Entry("ESPHome with a key", "esphome", "\x01\x00\x13\x01Bad indicator byte", ok("not its API"), SpecTimeout(20*time.Second)),
		Entry("a Hue bridge", "hue", ok(`{"name":"Hue Bridge","bridgeid":"001788FFFE000000","modelid":"BSB002"}`), ok(`[{"error":{"type":3,"description":"resource not available"}}]`), SpecTimeout(20*time.Second)),
		Entry("a Chromecast", "chromecast", ok(`{"name":"Living Room","build_version":"1.56.281627","ssdp_udn":"0"}`), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", SpecTimeout(20*time.Second)),
		Entry("a camera", "camera", "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", SpecTimeout(20*time.Second)),
		Entry("a printer", "printer", ok(`<html></html>`), "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", SpecTimeout(20*time.Second)),
	)
})

// ok is an HTTP response.
func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body
}

// answeringWith is the address of a server that answers whatever it is sent.
func answeringWith(text string) string {
	GinkgoHelper()
	return serving(func(connection net.Conn) {
		if _, err := connection.Read(make([]byte, 4096)); err == nil {
			_, _ = io.WriteString(connection, text)
		}
	})
}

// pointedAt is the only scenario of a library spec, with a device elsewhere, which is
// asked once.
func pointedAt(name, address string) scenarios.Spec {
	GinkgoHelper()
	file, err := scenarios.Find(name)
	Expect(err).NotTo(HaveOccurred())
	text := strings.NewReplacer("192.168.50.10:8008", address, "192.168.50.10:631", address, "192.168.50.10:554", address, "192.168.50.10:6053", address,
		"//192.168.50.10/", "//"+address+"/").Replace(file.Text())
	changed, err := scenarios.Parse(name, []byte(text))
	Expect(err).NotTo(HaveOccurred())
	Expect(changed.Scenarios).To(HaveLen(1))
	spec := changed.Scenarios[0]
	spec.Retry = scenarios.Retry{}
	return spec
}
