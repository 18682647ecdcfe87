//go:build e2e

// Operates the page of real runs in a real browser:
//
//	npm ci --prefix reports/e2e
//	go run github.com/onsi/ginkgo/v2/ginkgo --tags e2e --focus 'page in a browser' ./cmd/needwant
//
// It takes node, and chromium (or its path in CHROMIUM). The pictures are left in
// .cache/e2e.
package main_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// doorbellWorld is of TCP alone, so that the spec can try what the device can reach.
const doorbellWorld = `apiVersion: needwant/v1
kind: World
name: doorbell
device: {model: some.doorbell.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 150ms, patience: 3, poll: 300ms}
destinations:
  cloud: {host: cloud.bell.example, addresses: [203.0.113.30], protocol: tcp, port: 8883}
  relay: {host: relay.bell.example, addresses: [203.0.113.31], protocol: tcp, port: 8883}
  spare: {host: spare.bell.example, addresses: [203.0.113.32], protocol: tcp, port: 8883}
  stats: {host: stats.bell.example, addresses: [203.0.113.33], protocol: tcp, port: 443}
  shop:  {host: shop.bell.example, addresses: [203.0.113.34], protocol: tcp, port: 443}
functions: {status: "relay || spare", control: "cloud && (relay || spare)"}
`

// cameraWorld is of a device whose app needs the cloud.
const cameraWorld = `apiVersion: needwant/v1
kind: World
name: camera
device: {model: some.camera.v1, firmware: "1.0", token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 110ms, patience: 3, poll: 220ms}
destinations:
  cloud: {host: cloud.camera.example, addresses: [203.0.113.10], protocol: udp, port: 8053}
  one:   {host: one.time.example, addresses: [203.0.113.11], protocol: udp, port: 123}
  two:   {host: two.time.example, addresses: [203.0.113.12], protocol: udp, port: 123}
  stats: {host: stats.camera.example, addresses: [203.0.113.13], protocol: tcp, port: 443}
functions: {remote: "cloud && (one || two)"}
scenarios: [remote]
`

var _ = Describe("the page in a browser", Label("e2e", "root"), func() {
	It("fills in live, pauses the run at once, survives a lost connection, and works by keyboard alone", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "doorbell.run")
		command := exec.CommandContext(ctx, program, "lab", file("doorbell.yaml", doorbellWorld), "--out", path, "--web")
		said := gbytes.NewBuffer()
		command.Stderr = said
		Expect(command.Start()).To(Succeed())
		Eventually(ctx, said).Should(gbytes.Say("Only this machine can open it"))
		device := deviceOf(ctx, command.Process.Pid)
		trying, stop := context.WithCancel(ctx)
		DeferCleanup(stop)
		tries := make(chan []try, 1)
		go func() { tries <- tryAll(trying, device, doorbellWorld) }()

		shown := browse(func(name string, args ...string) ([]byte, error) {
			return exec.CommandContext(ctx, name, args...).CombinedOutput()
		}, address(said), "watch")
		Expect(command.Wait()).To(Succeed(), "%s", said.Contents())
		stop()
		expectVerdicts(shown, doorbellWorld, lab.NativeApp, lab.HomeAssistant)
		run, err := runfile.Load(ctx, path)
		Expect(err).NotTo(HaveOccurred())
		expectReachable(<-tries, run.Orders)
	}, SpecTimeout(5*time.Minute), FlakeAttempts(2))

	It("is all that it takes to answer questions to a person", func(ctx SpecContext) {
		h := newHomeOf(ctx, cameraWorld, join)
		head, _, _ := strings.Cut(plugSpec, "scenarios:")
		var shown bytes.Buffer
		Expect(png.Encode(&shown, image.NewGray(image.Rect(0, 0, 320, 180)))).To(Succeed())
		Expect(os.WriteFile(filepath.Join(h.folder, "shown.png"), shown.Bytes(), 0o600)).To(Succeed())
		spec := filepath.Join(h.folder, "camera.yaml")
		Expect(os.WriteFile(spec, []byte(head+`scenarios:
  app:
    title: Required for the app?
    steps:
      - {prompt: {text: "Does the app show the picture?", picture: shown.png}, timeout: 3m}
  native_app:
    retry: {attempts: 2, every: 100ms}
    timeout: 400ms
    steps:
      - miio: {method: get_status}
`), 0o600)).To(Succeed())
		command := h.command(ctx, "bisect", spec, "--out", "camera.run", "--order", "exact", "--wait", "30s", "--web=192.168.1.3:8080")
		said := gbytes.NewBuffer()
		command.Stderr = said
		Expect(command.Start()).To(Succeed())
		Eventually(ctx, said).Should(gbytes.Say("The page is at .*\n"))

		verdicts := browse(func(name string, args ...string) ([]byte, error) {
			return h.App.Command(ctx, name, args...).CombinedOutput()
		}, address(said), "answer", h.eyes(ctx))
		Expect(command.Wait()).To(Succeed(), "%s", said.Contents())
		expectVerdicts(verdicts, cameraWorld, lab.RemoteCommand, lab.NativeApp)
	}, SpecTimeout(8*time.Minute))
})

// address is the first address of the page that a run printed.
func address(said *gbytes.Buffer) string {
	return regexp.MustCompile(`http://\S+`).FindString(string(said.Contents()))
}

// browse operates a page as reports/e2e/live.mjs says, and returns the verdicts that it
// shows in the end: those of each host.
func browse(run func(name string, args ...string) ([]byte, error), page string, task ...string) (shown map[string][]string) {
	GinkgoHelper()
	folder, err := filepath.Abs("../../.cache/e2e")
	Expect(err).NotTo(HaveOccurred())
	Expect(os.MkdirAll(folder, 0o755)).To(Succeed())
	chromium, err := exec.LookPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium"))
	Expect(err).NotTo(HaveOccurred())
	script, err := filepath.Abs("../../reports/e2e/live.mjs")
	Expect(err).NotTo(HaveOccurred())
	out, err := run("node", append([]string{script, chromium, folder, page}, task...)...)
	Expect(err).NotTo(HaveOccurred(), "%s", out)
	Expect(json.Unmarshal(out, &shown)).To(Succeed(), "%s", out)
	return shown
}

// expectVerdicts holds what a page shows against what the world's text says.
func expectVerdicts(shown map[string][]string, text string, columns ...string) {
	GinkgoHelper()
	world, err := lab.Parse("world.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	wanted := map[string][]string{}
	for _, column := range columns {
		expected, err := labtest.Expect(world, column, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		for destination, verdict := range expected.Verdicts {
			host := destination[strings.LastIndex(destination, "/")+1:]
			wanted[host] = append(wanted[host], verdict)
		}
	}
	Expect(shown).To(Equal(wanted))
}

// deviceOf is the namespace of the device in the lab that a process runs.
func deviceOf(ctx context.Context, pid int) (device *netns.Namespace) {
	GinkgoHelper()
	Eventually(ctx, func() *netns.Namespace {
		for _, namespace := range namespacesIn(pid, nil) {
			if owns, err := namespace.Owns(netip.MustParseAddr("192.168.50.10")); err == nil && owns && device == nil {
				device = namespace
				continue
			}
			_ = namespace.Close()
		}
		return device
	}).WithPolling(100 * time.Millisecond).ShouldNot(BeNil())
	DeferCleanup(device.Close)
	return device
}

// try is a connection that was begun in the device's namespace.
type try struct {
	at      time.Time
	host    string
	reached bool
}

// tryAll keeps connecting to each destination of a world, until ctx ends.
func tryAll(ctx context.Context, device *netns.Namespace, text string) (all []try) {
	hosts := regexp.MustCompile(`host: (\S+), addresses: \[(\S+)\], protocol: tcp, port: (\d+)`).FindAllStringSubmatch(text, -1)
	for ctx.Err() == nil {
		for _, host := range hosts {
			this := try{at: time.Now(), host: host[1]}
			dialing, cancel := context.WithTimeout(ctx, time.Second)
			connection, err := device.Dial(dialing, "tcp", net.JoinHostPort(host[2], host[3]))
			cancel()
			if this.reached = err == nil; this.reached {
				_ = connection.Close()
			}
			all = append(all, this)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return all
}

// expectReachable expects that something was blocked before the run was paused, and that
// the device reached everything from a second after that until the run was resumed.
func expectReachable(tries []try, orders []harness.Order) {
	GinkgoHelper()
	Expect(orders).To(HaveExactElements(HaveField("Do", harness.Pause), HaveField("Do", harness.Resume)))
	paused, resumed := orders[0].At, orders[1].At
	blocked, reached, failed := false, map[string]int{}, []string{}
	for _, t := range tries {
		switch {
		case t.at.Before(paused):
			blocked = blocked || !t.reached
		case t.at.Before(paused.Add(time.Second)) || t.at.After(resumed):
		case t.reached:
			reached[t.host]++
		default:
			failed = append(failed, fmt.Sprintf("%s, %v after the pause", t.host, t.at.Sub(paused)))
		}
	}
	Expect(blocked).To(BeTrue(), "nothing was blocked before")
	Expect(reached).To(HaveLen(5))
	Expect(failed).To(BeEmpty())
}

// eyes are what a person sees of the vendor's app: a URL that answers "yes" if the device
// obeys the phone now, and "no" otherwise. It is for programs on the app's host.
func (h *home) eyes(ctx context.Context) string {
	GinkgoHelper()
	phone := http.Client{Transport: &http.Transport{DialContext: h.Phone.Dial, DisableKeepAlives: true}}
	listener, err := h.App.Listen(ctx, "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sees := "no"
		if command, err := http.NewRequestWithContext(r.Context(), http.MethodPost, h.Command, http.NoBody); err == nil {
			if answer, err := phone.Do(command); err == nil {
				_ = answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					sees = "yes"
				}
			}
		}
		_, _ = io.WriteString(w, sees)
	})}
	go func() { _ = server.Serve(listener) }()
	DeferCleanup(server.Close)
	return "http://" + listener.Addr().String()
}
