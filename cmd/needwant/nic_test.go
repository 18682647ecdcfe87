package main_test

import (
	"context"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("a device on a second link of the user's machine", Label("root"), SpecPriority(1), func() {
	It("is bisected to its true matrix, and the machine is as it was", SpecPriority(1), func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.spec(), "--allow-actuation", "--order", "exact", "--wait", "30s", "--format", "json")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()

		h.expectTruth("plug.run")
	}, SpecTimeout(3*time.Minute))

	It("is bisected to its true matrix by blocking names", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", h.spec("faults: [reject]", "faults: [nxdomain]"), "--allow-actuation", "--order", "exact", "--wait", "30s")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
		h.expectTruth("plug.run")
	}, SpecTimeout(3*time.Minute))

	It("is examined by the doctor", func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		well := h.needwant(ctx, "doctor", h.spec())
		Expect(well.Code).To(Equal(0), well.Stdout)
		Expect(well.Stdout).To(MatchRegexp(`OK +device +is there, and what\s+it\s+sends\s+crosses\s+the\s+gateway,\s+e\.g\.\s+to\s+(udp|tcp)/\S+;\s+a\s+marked\s+packet\s+from\s+another\s+subnet\s+came\s+back\s+across\s+it`))
		h.expectAsBefore(ctx, before)

		h.in(ctx, "ip link set uplink down")
		before = h.settled(ctx)
		ill := h.needwant(ctx, "doctor", h.spec())
		Expect(ill.Code).To(Equal(3))
		Expect(ill.Stdout).To(MatchRegexp(`problem +placement +uplink: uplink is down: set it up`))
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(2*time.Minute))

	It("is checked, observed, and kept working with what a run proved blocked", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		before := h.settled(ctx)
		fromHere := h.spec("scenarios:\n", "scenarios:\n  here:\n    from: host\n    steps:\n      - miio: {method: get_status}\n")
		checked := h.needwant(ctx, "check", fromHere, "--allow-actuation")
		Expect(checked.Code).To(Equal(0), checked.Stderr)
		for _, scenario := range []string{"native_app works, from gateway", "hass works, from lan", "here works, from host"} {
			Expect(checked.Stdout).To(ContainSubstring(scenario))
		}

		observed := h.needwant(ctx, "observe", h.spec(), "--for", "3s", "--wait", "30s")
		Expect(observed.Code).To(Equal(0), observed.Stderr)
		Expect(observed.Stdout).To(MatchRegexp(`one.time.example +203.0.113.11 +udp +123 +NTP +\d\d:\d\d:\d\d +\d\d:\d\d:\d\d +[0-9.]+ s +[1-9]\d* +yes +[1-9]\d* +[1-9]\d+ +dns`))
		events := h.needwant(ctx, "observe", h.spec(), "--for", "2s", "--wait", "30s", "--json", "--quiet")
		Expect(events.Code).To(Equal(0), events.Stderr)
		Expect(events.Stdout).To(MatchRegexp(`"event":"(seen|answered)".*\n(.*\n)*{"event":"observed",.*"destination":"udp/123/one.time.example".*"packets":[1-9]`))
		h.expectAsBefore(ctx, before)

		kept := h.needwant(ctx, "bisect", h.spec("hass:\n    from: lan", "hass:\n    tags: [no]\n    from: lan", "native_app:\n", "native_app:\n    tags: [yes]\n"),
			"--tag", "yes", "--allow-actuation", "--order", "1", "--wait", "30s")
		Expect(kept.Code).To(BeElementOf(0, 4), kept.Stderr)
		gateway, said := h.start(ctx, "gateway", h.spec(), "--policy", "plug.run", "--wait", "30s")
		said.until(ctx, "the device is behind the gateway, with 2 destinations blocked")
		blocked := h.Attempts()["udp/123/one.time.example"]
		Eventually(func() int { return h.Attempts()["udp/123/one.time.example"] }).WithContext(ctx).Should(BeNumerically(">", blocked))
		Expect(gateway.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(gateway.Wait()).To(Succeed())
		h.expectAsBefore(ctx, before)
		h.expectClean()
	}, SpecTimeout(2*time.Minute))

	It("is bisected in the home network itself, with one link", Label("whole"), func(ctx SpecContext) {
		h := newHome(ctx)
		h.oneWire(ctx)
		spec := h.spec("placement: nic, inside: inside, uplink: uplink", "placement: onearm, uplink: br0")
		h.serveDHCP(h.gatewayMAC(ctx, spec)) // the home router leaves the device to us

		before := h.settled(ctx)
		run := h.needwant(ctx, "bisect", spec, "--allow-actuation", "--order", "exact", "--wait", "30s")
		Expect(run.Code).To(Equal(0), run.Stderr)
		h.expectAsBefore(ctx, before)
		h.expectClean()
		h.expectTruth("plug.run")
	}, SpecTimeout(3*time.Minute))
})

// expectTruth holds a run against what the world's own text says.
func (h *home) expectTruth(run string) {
	GinkgoHelper()
	world, err := lab.Parse("plug.yaml", []byte(plugWorld))
	Expect(err).NotTo(HaveOccurred())
	for _, column := range []string{lab.NativeApp, lab.HomeAssistant} {
		expected, err := labtest.Expect(world, column, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		Expect(h.cells(run, column)).To(Equal(expected.Verdicts), column)
	}
}

// cells are the verdicts of a column of a run, by destination.
func (h *home) cells(run, id string) map[string]string {
	GinkgoHelper()
	result, err := runfile.Load(context.Background(), filepath.Join(h.folder, run))
	Expect(err).NotTo(HaveOccurred())
	found := map[string]string{}
	for _, column := range harness.Judge(result).Columns {
		if column.Column.ID != id {
			continue
		}
		for d, cell := range column.Cells {
			found[d.String()] = string(cell.Verdict)
		}
	}
	return found
}
