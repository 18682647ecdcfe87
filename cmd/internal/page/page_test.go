package page_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// serve answers until the spec ends.
func serve(server *page.Server) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).Should(Receive(BeNil()))
	})
}

// read opens an address of a page and returns its text.
func read(ctx context.Context, client *http.Client, address string) string {
	GinkgoHelper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	answer, err := client.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

var _ = Describe("a page that is served", func() {
	It("shows what is newest, and says when that changes", func(ctx SpecContext) {
		server := listen(page.Options{})
		serve(server)
		root := server.Links().Control
		Expect(read(ctx, http.DefaultClient, root)).To(ContainSubstring("Trial 1."))

		r, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"events", http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		events, err := http.DefaultClient.Do(r)
		Expect(err).NotTo(HaveOccurred())
		defer events.Body.Close()
		Expect(events.Header.Get("Content-Type")).To(Equal("text/event-stream"))
		lines := bufio.NewScanner(events.Body)
		until := func(line string) {
			GinkgoHelper()
			for lines.Scan() {
				if lines.Text() == line {
					return
				}
			}
			Fail("no " + line)
		}
		until("data: 1") // at once, so that a connection that was lost loses nothing
		server.Show(page.Content{Report: emptyReport, Live: reports.Live{Now: "Trial 2"}})
		until("data: 2")
		Expect(read(ctx, http.DefaultClient, root)).To(ContainSubstring("Trial 2."))
		Expect(read(ctx, http.DefaultClient, root+"style.css")).To(And(ContainSubstring(".matrix"), ContainSubstring(".ends")), "the style of the report, and its own")
		Expect(read(ctx, http.DefaultClient, root+"page.js")).To(ContainSubstring("EventSource"))
	}, SpecTimeout(20*time.Second))

	It("lets viewers fetch how it ends, and waits until they have gone", func(ctx SpecContext) {
		server := listen(page.Options{})
		serving, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(serving) }()
		root := server.Links().Control
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"events", http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		events, err := http.DefaultClient.Do(r)
		Expect(err).NotTo(HaveOccurred())
		server.Show(page.Content{Report: emptyReport, Live: reports.Live{Now: "The end"}})
		end()
		lines := bufio.NewScanner(events.Body)
		for lines.Scan() && lines.Text() != "event: end" {
		}
		Expect(lines.Text()).To(Equal("event: end"))
		Expect(read(ctx, http.DefaultClient, root)).To(ContainSubstring("The end."))
		Expect(ended).NotTo(Receive())
		Expect(events.Body.Close()).To(Succeed())
		Eventually(ctx, ended).Should(Receive(BeNil()))
	}, SpecTimeout(20*time.Second))

	It("does not wait for long for viewers that stay", func(ctx SpecContext) {
		server := listen(page.Options{})
		serving, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(serving) }()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Links().Control+"events", http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		events, err := http.DefaultClient.Do(r)
		Expect(err).NotTo(HaveOccurred())
		defer events.Body.Close()
		end()
		Eventually(ctx, ended).Should(Receive(BeNil()))
	}, SpecTimeout(20*time.Second))

	It("is made once for all viewers, and only if there is one", func() {
		server := listen(page.Options{})
		var made atomic.Int32
		server.Show(page.Content{Report: func() reports.Report { made.Add(1); return emptyReport() }})
		Expect(made.Load()).To(BeZero())
		for range 20 {
			Expect(answer(server, request("GET", "/")).StatusCode).To(Equal(http.StatusOK))
		}
		Expect(made.Load()).To(BeEquivalentTo(1))
	})

	It("lets a limited number of viewers wait", func(ctx SpecContext) {
		server := listen(page.Options{})
		serve(server)
		open := func() int {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Links().Control+"events", http.NoBody)
			Expect(err).NotTo(HaveOccurred())
			events, err := http.DefaultClient.Do(r)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(events.Body.Close)
			return events.StatusCode
		}
		for range 64 {
			Expect(open()).To(Equal(http.StatusOK))
		}
		Expect(open()).To(Equal(http.StatusServiceUnavailable))
	}, SpecTimeout(20*time.Second))

	It("speaks TLS if it has a certificate, and its cookie is for TLS alone", func(ctx SpecContext) {
		certificate, key := certified()
		server := listen(page.Options{View: true, Certificate: certificate, Key: key})
		serve(server)
		Expect(server.Links().Control).To(HavePrefix("https://127.0.0.1:"))
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		DeferCleanup(client.CloseIdleConnections)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Links().Control, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		entered, err := client.Do(r)
		Expect(err).NotTo(HaveOccurred())
		defer entered.Body.Close()
		Expect(entered.Header.Get("Set-Cookie")).To(ContainSubstring("; Secure"))
	}, SpecTimeout(20*time.Second))

	const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	named := harness.Destination{Protocol: "tcp", Port: 443, Name: hostile}
	cloud := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}
	DescribeTable("lets no name become markup:", func(name func(*harness.Run, *reports.Live)) {
		server := listen(page.Options{})
		run := harness.Run{
			Status: harness.Running, Settings: harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}},
			Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "App?", Vantage: "gateway"}},
			Results: []harness.Result{
				{Trial: harness.Trial{Number: 1, Regime: harness.Steady, Fault: harness.Reject}, Recovered: true, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}},
				{Trial: harness.Trial{Number: 2, Regime: harness.Steady, Fault: harness.Reject, Block: []harness.Destination{cloud}}, Recovered: true, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}},
			},
		}
		live := reports.Live{Now: "Trial 2"}
		name(&run, &live)
		server.Show(page.Content{Report: func() reports.Report { return reports.NewReport(run, harness.Judge(run)) }, Live: live})
		text, err := io.ReadAll(answer(server, request("GET", "/")).Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("&lt;script&gt;"), "the name is shown")
		Expect(string(text)).NotTo(Or(ContainSubstring("<script>"), ContainSubstring("<img")))
	},
		Entry("of the device", func(run *harness.Run, _ *reports.Live) { run.Device.Name = hostile }),
		Entry("of its model", func(run *harness.Run, _ *reports.Live) { run.Device.Model = hostile }),
		Entry("of its firmware", func(run *harness.Run, _ *reports.Live) { run.Device.Firmware = hostile }),
		Entry("in what is left", func(_ *harness.Run, live *reports.Live) { live.Left = hostile }),
		Entry("in why the run failed", func(run *harness.Run, live *reports.Live) {
			run.Status, run.Why, live.Ended = harness.Failed, hostile, true
		}),
		Entry("of the spec", func(run *harness.Run, _ *reports.Live) { run.Settings.Source = hostile }),
		Entry("of the run", func(run *harness.Run, _ *reports.Live) { run.ID = hostile }),
		Entry("of a column", func(run *harness.Run, _ *reports.Live) { run.Scenarios[0].Title = hostile }),
		Entry("of what it checks", func(run *harness.Run, _ *reports.Live) { run.Scenarios[0].Checks = hostile }),
		Entry("of a destination that is blocked", func(_ *harness.Run, live *reports.Live) { live.Blocked = []harness.Destination{named} }),
		Entry("of a destination that was tried", func(_ *harness.Run, live *reports.Live) {
			live.Blocked, live.Tried = []harness.Destination{named}, []harness.Destination{named}
		}),
		Entry("of a destination that was contacted", func(run *harness.Run, _ *reports.Live) {
			run.Results[0].Seen.Contacts = []harness.Contact{{Destination: named, Tries: 1, Answered: true}}
		}),
		Entry("in the sentence", func(_ *harness.Run, live *reports.Live) {
			live.Now = reports.Now{Trial: &harness.Trial{Number: 2, Block: []harness.Destination{named}}}.Sentence()
		}),
		Entry("in a question", func(_ *harness.Run, live *reports.Live) { live.Ask = &reports.Ask{ID: "Q", Text: hostile} }),
		Entry("of an answer", func(_ *harness.Run, live *reports.Live) {
			live.Ask = &reports.Ask{ID: "Q", Choices: []reports.Choice{{Answer: hostile, Label: hostile}}}
		}),
		Entry("in why a trial is not used", func(run *harness.Run, _ *reports.Live) { run.Results[1].Suspect = hostile }),
		Entry("in why a scenario failed", func(run *harness.Run, _ *reports.Live) {
			run.Results[1].Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: hostile}
		}),
		Entry("in what a trial is for", func(run *harness.Run, _ *reports.Live) { run.Results[1].Trial.Reason = hostile }),
	)

	It("needs no script: a page without one opens itself again, until nothing changes any more", func() {
		server := listen(page.Options{})
		text := func() string {
			text, err := io.ReadAll(answer(server, request("GET", "/")).Body)
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}
		Expect(text()).To(ContainSubstring(`<noscript><meta http-equiv="refresh" content="5"></noscript>`))
		server.Show(page.Content{Report: emptyReport, Live: reports.Live{Ended: true}})
		Expect(text()).NotTo(ContainSubstring(`http-equiv="refresh"`))
	})
})

func emptyReport() reports.Report { return reports.NewReport(harness.Run{}, harness.Judgement{}) }

var _ = Describe("the links of a page", func() {
	write := func(links page.Links, terminal bool) string {
		var out bytes.Buffer
		links.Write(&out, terminal)
		return out.String()
	}
	It("are shown as text, and for a phone as a QR code on a terminal", func() {
		links := page.Links{Control: "http://192.168.1.5:8080/enter/ABC", View: "http://192.168.1.5:8080/enter/DEF"}
		Expect(write(links, false)).To(Equal("The page is at http://192.168.1.5:8080/enter/ABC\nTo look only: http://192.168.1.5:8080/enter/DEF\n"))
		drawn := strings.TrimPrefix(write(links, true), write(links, false))
		Expect(strings.Count(drawn, "\n")).To(BeNumerically(">", 14))
		Expect(drawn).To(ContainSubstring("█▀▀▀▀▀█"), "the corner of a QR code")
	})
	It("say so if no phone can open them", func() {
		Expect(write(page.Links{Control: "http://127.0.0.1:8080/", Local: true}, true)).To(Equal(
			"The page is at http://127.0.0.1:8080/\nOnly this machine can open it.\nFor a phone, add an address of this machine: --web=:8080\n"))
	})
})

// certified writes a certificate for loopback, and its key.
func certified() (certificate, key string) {
	GinkgoHelper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	made, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	Expect(err).NotTo(HaveOccurred())
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	Expect(err).NotTo(HaveOccurred())
	directory := GinkgoT().TempDir()
	for kind, content := range map[string][]byte{"CERTIFICATE": made, "PRIVATE KEY": secret} {
		path := filepath.Join(directory, fmt.Sprintf("%.4s.pem", kind))
		Expect(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)).To(Succeed())
	}
	return filepath.Join(directory, "CERT.pem"), filepath.Join(directory, "PRIV.pem")
}
