package main_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
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
)

// lampWorld needs its cloud, and contacts two others.
const lampWorld = `apiVersion: needwant/v1
kind: World
name: lamp
device: {model: some.lamp.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 60ms, patience: 3, poll: 150ms}
destinations:
  cloud: {host: cloud.lamp.example, addresses: [203.0.113.20], protocol: tcp, port: 8883}
  time:  {host: time.lamp.example, addresses: [203.0.113.21], protocol: udp, port: 123}
  stats: {host: stats.lamp.example, addresses: [203.0.113.22], protocol: tcp, port: 443}
functions: {control: "cloud"}
`

// verified is the last event of a verification.
type verified struct {
	Event   string
	Works   bool
	Regime  string
	Refused []struct {
		Destination string
		Attempts    int
		New         bool
	}
	New []string
}

func (v verified) refused() map[string]bool {
	found := map[string]bool{}
	for _, r := range v.Refused {
		Expect(r.Attempts).To(BeNumerically(">", 0), r.Destination)
		found[r.Destination] = r.New
	}
	return found
}

func lastEvent(run ended) (last verified) {
	GinkgoHelper()
	lines := strings.Split(strings.TrimSpace(run.Stdout), "\n")
	Expect(lines[0]).To(ContainSubstring(`"event":"round"`))
	Expect(json.Unmarshal([]byte(lines[len(lines)-1]), &last)).To(Succeed(), run.Stdout)
	Expect(last.Event).To(Equal("verified"))
	return last
}

// proved is the run file of a lab.
func proved(ctx context.Context, world string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "proved.run")
	run := needwant(ctx, "lab", world, "--out", path, "--quiet")
	Expect(run.Code).To(BeElementOf(0, 4), run.Stderr)
	return path
}

// grown is the same run, of a device that has learnt to do more since.
func grown(path, old, more string) string {
	GinkgoHelper()
	run, err := runfile.Load(context.Background(), path)
	Expect(err).NotTo(HaveOccurred())
	Expect(run.Settings.Text).To(ContainSubstring(old))
	run.Settings.Text = strings.Replace(run.Settings.Text, old, more, 1)
	now := filepath.Join(GinkgoT().TempDir(), "grown.run")
	kept, err := runfile.Create(now, run)
	Expect(err).NotTo(HaveOccurred())
	for _, result := range run.Results {
		Expect(kept.Append(result)).To(Succeed())
	}
	Expect(kept.Finish(harness.Complete, "", run.Duration)).To(Succeed())
	Expect(kept.Close()).To(Succeed())
	return now
}

// fetched is the text of a page; "" if there is none.
func fetched(ctx context.Context, address string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

var _ = Describe("needwant verify", Label("root"), func() {
	It("holds either policy, and says that all works", func(ctx SpecContext) {
		run := proved(ctx, file("lamp.yaml", lampWorld))
		for _, policy := range []string{"block-optional", "allow-required"} {
			came := needwant(ctx, "verify", run, "--policy", policy, "--for", "2s", "--json")
			Expect(came.Code).To(Equal(0), came.Stderr)
			last := lastEvent(came)
			Expect(last.Works).To(BeTrue())
			Expect(last.Regime).To(Equal("cold_boot"))
			Expect(last.refused()).To(Equal(map[string]bool{"udp/123/time.lamp.example": false, "tcp/443/stats.lamp.example": false}))
		}
	}, SpecTimeout(2*time.Minute))

	It("has a page, on which a person stops it", func(ctx SpecContext) {
		run := proved(ctx, file("lamp.yaml", lampWorld))
		command := exec.CommandContext(ctx, program, "verify", run, "--for", "1h", "--web")
		said := gbytes.NewBuffer()
		command.Stderr = said
		Expect(command.Start()).To(Succeed())
		Eventually(ctx, said).Should(gbytes.Say("Only this machine can open it"))
		address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(said.Contents()))
		Eventually(ctx, func() string { return fetched(ctx, address) }).Should(MatchRegexp(`2 destinations are blocked \(block-optional\); round \d+ of checks: .*works`))
		order, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/order", strings.NewReader("do=stop"))
		Expect(err).NotTo(HaveOccurred())
		order.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		order.Header.Set("Origin", address)
		answer, err := http.DefaultTransport.RoundTrip(order) // the page is gone soon
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Body.Close()).To(Succeed())
		Expect(command.Wait()).NotTo(Succeed(), "as Ctrl-C ends it")
		Expect(command.ProcessState.ExitCode()).To(Equal(130), "%s", said.Contents())
	}, SpecTimeout(2*time.Minute))

	It("tells a person elsewhere how it ends", func(ctx SpecContext) {
		told := make(chan string, 9)
		phone := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			told <- string(text)
		}))
		DeferCleanup(phone.Close)
		GinkgoT().Setenv("SPEC_NOTIFY", phone.URL)
		spec := file("lamp.spec.yaml", "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: lab, world: "+file("lamp.yaml", lampWorld)+"}\n"+
			"block: {keep: [dhcp, dns]}\nnotify: {url: env:SPEC_NOTIFY}\nscenarios:\n  app: {retry: {attempts: 3, every: 100ms}, timeout: 1s, steps: [{miio: get_status}]}\n")
		run := filepath.Join(GinkgoT().TempDir(), "lamp.run")
		proved := needwant(ctx, "bisect", spec, "--out", run, "--order", "1")
		Expect(proved.Code).To(BeElementOf(0, 4), proved.Stderr)
		Expect(told).To(Receive(HavePrefix("The run is over. ")))
		Expect(needwant(ctx, "verify", run, "--for", "1s")).To(HaveField("Code", 0))
		Expect(told).To(Receive(Equal("The verification is over. PASS: everything works under block-optional.")))
	}, SpecTimeout(2*time.Minute))

	It("refuses under allow-required what the run has never seen, and not under block-optional", func(ctx SpecContext) {
		run := proved(ctx, file("lamp.yaml", lampWorld))
		const stats = "  stats: {"
		run = grown(run, stats, "  fresh: {addresses: [203.0.113.99], protocol: udp, port: 9999}\n"+stats)
		run = grown(run, `control: "cloud"`, `control: "cloud && fresh"`)

		open := needwant(ctx, "verify", run, "--for", "1s", "--json")
		Expect(open.Code).To(Equal(0), open.Stderr)
		Expect(lastEvent(open).New).To(Equal([]string{"udp/9999/203.0.113.99"}))

		shut := needwant(ctx, "verify", run, "--policy", "allow-required", "--for", "1m")
		Expect(shut.Code).To(Equal(1), shut.Stderr)
		Expect(shut.Stderr).To(ContainSubstring("first everything must work with nothing blocked\nall works with nothing blocked; applying allow-required for 1 min, with checks every "))
		Expect(shut.Stderr).To(ContainSubstring("native_app does not work under allow-required"))
		Expect(shut.Stdout).To(MatchRegexp(`native_app +BROKEN +0 of 2 checks passed`))
		Expect(shut.Stdout).To(MatchRegexp(`never seen before:\n  udp/9999/203.0.113.99 \(\d+ attempts\)`))
		Expect(shut.Stdout).To(ContainSubstring("With nothing blocked, everything works again."))
	}, SpecTimeout(2*time.Minute))

	It("says that a resolver cannot block what it has never seen", func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "tv.run")
		kept, err := runfile.Create(path, harness.Run{ID: "tv", Settings: harness.Settings{ByName: true}, Scenarios: []harness.ScenarioInfo{{Name: "app"}}})
		Expect(err).NotTo(HaveOccurred())
		Expect(kept.Close()).To(Succeed())
		run := needwant(ctx, "verify", path, "--policy", "allow-required")
		Expect(run.Code).To(Equal(2), run.Stderr)
		Expect(run.Stderr).To(And(ContainSubstring("placement dns cannot block everything except"), ContainSubstring("--policy block-optional")))
	}, SpecTimeout(time.Minute))

	It("finds out that a device does not survive a power cycle under its policy", func(ctx SpecContext) {
		run := proved(ctx, "boot-only")
		came := needwant(ctx, "verify", run, "--policy", "allow-required", "--scenario", "native_app")
		Expect(came.Code).To(Equal(1), came.Stderr)
		Expect(came.Stdout).To(MatchRegexp(`native_app +BROKEN`))
		Expect(came.Stdout).NotTo(ContainSubstring("hass"), "which nobody asked for")
	}, SpecTimeout(2*time.Minute))

	DescribeTable("holds the policy of a real device, and leaves the machine as it was", Label("whole"), SpecPriority(1), func(ctx SpecContext, place func(*home) string, policies ...string) {
		h := newHome(ctx)
		spec := place(h)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", spec, "--allow-actuation", "--order", "1", "--wait", "30s")
		Expect(run.Code).To(BeElementOf(0, 4), run.Stderr)
		careful := h.needwant(ctx, "verify", "plug.run")
		Expect(careful.Code).To(Equal(2))
		Expect(careful.Stderr).To(ContainSubstring("--allow-actuation"))
		for _, policy := range policies {
			came := h.needwant(ctx, "verify", "plug.run", "--policy", policy, "--allow-actuation", "--for", "2s", "--wait", "30s")
			Expect(came.Code).To(Equal(0), came.Stderr+came.Stdout)
			Expect(came.Stdout).To(MatchRegexp(`blocked, and tried:\n(  .*\n)*  tcp/443/stats.plug.example`))
			Expect(came.Stdout).To(ContainSubstring("without a power cycle"))
		}
		h.expectAsBefore(ctx, before)
		h.expectClean()
	},
		Entry("on a second link", func(h *home) string { return h.spec() }, "block-optional", "allow-required", SpecTimeout(3*time.Minute)),
		Entry("behind the user's own router", func(h *home) string { h.asRouter(context.Background()); return h.hostSpec() }, "allow-required", SpecTimeout(3*time.Minute)),
	)

	DescribeTable("refuses", func(ctx SpecContext, says string, flags ...string) {
		run := proved(ctx, "all-optional")
		came := needwant(ctx, append([]string{"verify", run}, flags...)...)
		Expect(came.Code).To(Equal(2), came.Stderr)
		Expect(came.Stderr).To(ContainSubstring(says))
	},
		Entry("a policy that there is not", "choose block-optional or allow-required", "--policy", "block-all", SpecTimeout(time.Minute)),
		Entry("a scenario that there is not", "choose one of native_app, hass", "--scenario", "nap", SpecTimeout(time.Minute)),
		Entry("a time in the past", "no negative values", "--for", "-1s", SpecTimeout(time.Minute)),
	)
})
