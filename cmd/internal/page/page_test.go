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

	It("lets no name become markup", func() {
		server := listen(page.Options{})
		const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
		trial := harness.Trial{Number: 2, Block: []harness.Destination{{Protocol: "tcp", Port: 443, Name: hostile}}}
		run := harness.Run{Status: harness.Running, Device: harness.Device{Name: hostile, Model: hostile, Firmware: hostile}, Why: hostile, ID: hostile}
		server.Show(page.Content{
			Report: func() reports.Report { return reports.NewReport(run, harness.Judge(run)) },
			Live:   reports.Live{Now: reports.Now{Trial: &trial}.Sentence(), Left: hostile, Blocked: trial.Block, Tried: trial.Block},
		})
		text, err := io.ReadAll(answer(server, request("GET", "/")).Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("&lt;script&gt;"))
		Expect(string(text)).NotTo(ContainSubstring("<script>"))
		Expect(string(text)).NotTo(ContainSubstring("<img"))
	})

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
			"The page is at http://127.0.0.1:8080/\nOnly this machine can open it. For a phone, add an address of this machine: --web=:8080\n"))
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
