package specbench_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/scenarios"
)

const head = `apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: s50-thread}
block: {keep: [dhcp, dns]}
scenarios:
`

// bench puts a spec on a lab.
func bench(ctx context.Context, list string) *lablane.Lane {
	GinkgoHelper()
	file := spec(list)
	world, err := specbench.World(file)
	Expect(err).NotTo(HaveOccurred())
	return on(ctx, file, world)
}

// benchOn puts a spec on a lab of another world.
func benchOn(ctx context.Context, text, list string) *lablane.Lane {
	GinkgoHelper()
	world, err := lab.Parse("world.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return on(ctx, spec(list), world)
}

func spec(list string) scenarios.File {
	GinkgoHelper()
	file, err := scenarios.Parse("spec.yaml", []byte(head+list))
	Expect(err).NotTo(HaveOccurred())
	return file
}

func on(ctx context.Context, file scenarios.File, world lab.World) *lablane.Lane {
	GinkgoHelper()
	lane, err := specbench.OnLab(ctx, file, file.Scenarios, world, specbench.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	return lane
}

// ask carries out a trial, and again where the machine was too busy for it, as an
// experiment does.
func ask(ctx context.Context, lane *lablane.Lane, trial harness.Trial) harness.Result {
	GinkgoHelper()
	for {
		result, err := lane.Run(ctx, trial)
		Expect(err).NotTo(HaveOccurred())
		if !strings.Contains(result.Suspect, "too busy") {
			return result
		}
	}
}

func trial(number int, block ...harness.Destination) harness.Trial {
	return harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}
}

// fallingBack is a world whose device greets and does not answer without the
// time, while its cloud knows its state, and Home Assistant asks there.
const fallingBack = `apiVersion: needwant/v1
kind: World
name: falling-back
device: {model: some.vacuum.v1}
tempo: {contact: 120ms, poll: 300ms}
destinations:
  cloud: {host: cloud.example, addresses: [203.0.113.10], protocol: tcp, port: 443}
  time:  {host: time.example, addresses: [203.0.113.11], protocol: udp, port: 123}
functions: {status: time}
assistant: {fallback: cloud}
`

// dying is a world whose device falls silent without the time, and whose Home
// Assistant polls so seldom, and waits so long, that its own poll is likely to
// hang when it is asked for another.
const dying = `apiVersion: needwant/v1
kind: World
name: dying
device: {model: some.vacuum.v1}
tempo: {contact: 120ms, poll: 3s}
destinations:
  cloud: {host: cloud.example, addresses: [203.0.113.10], protocol: tcp, port: 443}
  time:  {host: time.example, addresses: [203.0.113.11], protocol: udp, port: 123}
functions: {status: time}
`

var _ = Describe("a spec on a lab", Label("root"), func() {
	It("is judged from each place, on real packets", func(ctx SpecContext) {
		lane := bench(ctx, strings.ReplaceAll(`
  gateway: {from: gateway, steps: STEPS}
  lan: {from: lan, steps: STEPS}
  host: {from: host, steps: STEPS}
`, "STEPS", `[{ping: {host: 192.168.50.10, count: 1}}, {miio: get_status}, {dns: timeball3.its.waikato.ac.nz}, {exec: {command: [ip, -o, addr]}, expect: 'stdout contains "192.168."'}]`))
		result := ask(ctx, lane, trial(1))
		for _, name := range []string{"gateway", "lan", "host"} {
			Expect(result.Outcomes[name].Answer).To(Equal(harness.Pass), result.Outcomes[name].Why)
		}
		Expect(result.Outcomes["gateway"].Steps[3].Saw).To(ContainSubstring("192.168.50.1/24"))
		Expect(result.Outcomes["lan"].Steps[3].Saw).To(ContainSubstring("192.168.1.10/24"))
	}, SpecTimeout(time.Minute))

	It("obeys the spec's timing in place of the world's own", func(ctx SpecContext) {
		lane := bench(ctx, "  app: {steps: [{miio: get_status}]}\ntiming: {settle: 12s, recover: 7m}\n")
		Expect(lane.Timing).To(And(HaveField("Settle", 12*time.Second), HaveField("Patience", 12*time.Second), HaveField("Recover", 7*time.Minute)))
	}, SpecTimeout(time.Minute))

	It("rejects a spec that gives the world's device less time than it needs", func() {
		_, err := specbench.World(spec("  app: {steps: [{miio: get_status}]}\ntiming: {settle: 100ms}\n"))
		Expect(err).To(MatchError(And(HavePrefix("spec.yaml:7:18:"), ContainSubstring("settle is 100ms, and the device of the world s50-thread needs "), ContainSubstring("or leave settle out"))))
	})

	It("tells a controller that asks the device from one that went through the cloud", func(ctx SpecContext) {
		lane := benchOn(ctx, fallingBack, `
  local:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && path == "lan"'}]
  anyhow:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable"'}]
`)
		control := ask(ctx, lane, trial(1))
		Expect(control.Outcomes["local"].Answer).To(Equal(harness.Pass), control.Outcomes["local"].Why)

		result := ask(ctx, lane, trial(2, harness.Destination{Protocol: "udp", Port: 123, Name: "time.example"}))
		Expect(result.Outcomes["local"].Answer).To(Equal(harness.Fail), result.Outcomes["local"].Steps[0].Saw)
		Expect(result.Outcomes["local"].Steps[0].Saw).To(Equal(`state "docked", path cloud`))
		Expect(result.Outcomes["anyhow"].Answer).To(Equal(harness.Pass), "nobody asked by which way")
	}, SpecTimeout(time.Minute))

	// As seen with Home Assistant 2026.11: while the integration's own poll hangs,
	// update_entity writes the old state again and returns at once.
	It("does not take the old state of a dead device for one of after the poll", func(ctx SpecContext) {
		lane := benchOn(ctx, dying, `
  fresh:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && fresh'}]
  local:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && path == "lan"'}]
`)
		control := ask(ctx, lane, trial(1))
		for _, name := range []string{"fresh", "local"} {
			Expect(control.Outcomes[name].Answer).To(Equal(harness.Pass), control.Outcomes[name].Why)
		}
		result := ask(ctx, lane, trial(2, harness.Destination{Protocol: "udp", Port: 123, Name: "time.example"}))
		for _, name := range []string{"fresh", "local"} {
			Expect(result.Outcomes[name].Answer).To(Equal(harness.Fail), "%s: %s", name, result.Outcomes[name].Steps[0].Saw)
			Expect(result.Outcomes[name].Steps[0].Saw).To(HavePrefix(`state "unavailable"`))
		}
	}, SpecTimeout(2*time.Minute))

	It("waits for a Home Assistant that restarts", func(ctx SpecContext) {
		lane := bench(ctx, `
  hass:
    from: lan
    steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.device, refresh: true}, expect: 'state != "unavailable" && path == "lan"'}]
`)
		control := ask(ctx, lane, trial(1))
		Expect(control.Outcomes["hass"].Answer).To(Equal(harness.Pass), control.Outcomes["hass"].Why)
		restarted := make(chan error, 1)
		go func() { restarted <- lane.Lab.RestartAssistant(ctx, 3*time.Second, 2*time.Second) }()
		meanwhile := ask(ctx, lane, trial(2))
		Expect(meanwhile.Outcomes["hass"].Answer).To(Equal(harness.Pass), meanwhile.Outcomes["hass"].Why)
		Eventually(restarted).WithContext(ctx).Should(Receive(BeNil()))
	}, SpecTimeout(time.Minute))

	It("is watched while the block is held", func(ctx SpecContext) {
		lane := bench(ctx, `
  native_app:
    during: continuous
    every: 100ms
    timeout: 300ms
    pass_when: ok_ratio >= 0.9
    steps:
      - miio: {method: find_me, params: [""]}
        actuates: true
`)
		control := ask(ctx, lane, trial(1))
		Expect(control.Outcomes["native_app"].Answer).To(Equal(harness.Pass), control.Outcomes["native_app"].Why)

		needed := harness.Destination{Protocol: "tcp", Port: 443, Name: "ec2-18-194-236-76.eu-central-1.compute.amazonaws.com"}
		_, seen := control.Seen.Contact(needed)
		Expect(seen).To(BeTrue(), "%v", control.Seen.Contacts)
		result := ask(ctx, lane, trial(2, needed))
		Expect(result.Outcomes["native_app"].Answer).To(Equal(harness.Fail), result.Outcomes["native_app"].Why)
		Expect(result.Outcomes["native_app"].Why).To(MatchRegexp(`^expected ok_ratio >= 0\.9, got 0\.`))
		Expect(result.Recovered).To(BeTrue())
	}, SpecTimeout(time.Minute))

	It("power-cycles the device of a lab", func(ctx SpecContext) {
		lane := bench(ctx, `
  app: {steps: [{miio: get_status}]}
regimes: {steady: {}, cold_boot: {}}
`)
		Expect(lane.Restart).NotTo(BeNil())
		cold := trial(1)
		cold.Regime = harness.ColdBoot
		result, err := lane.Run(ctx, cold)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass), result.Outcomes["app"].Why)
	}, SpecTimeout(time.Minute))
})

var _ = Describe("a spec with a cold boot", Label("root"), func() {
	const app = `
  app: {retry: {attempts: 5, every: 100ms}, timeout: 1s, steps: [{miio: {method: find_me, params: [""]}, actuates: true}]}
regimes: {steady: {}, cold_boot: {power: {off: 100ms}}}
`
	clocks := []harness.Destination{
		{Protocol: "udp", Port: 123, Name: "ntp1.plug.example"}, {Protocol: "udp", Port: 123, Name: "ntp2.plug.example"},
	}
	cold := func(t harness.Trial) harness.Trial {
		t.Regime = harness.ColdBoot
		return t
	}

	It("restarts the device while its clocks are blocked, and not before", func(ctx SpecContext) {
		plug, err := lab.Find("boot-only")
		Expect(err).NotTo(HaveOccurred())
		lane := benchOn(ctx, plug.Text(), app)
		run := func(t harness.Trial) (harness.Result, harness.Outcome) {
			GinkgoHelper()
			result, err := lane.Run(ctx, t)
			Expect(err).NotTo(HaveOccurred())
			return result, result.Outcomes["app"]
		}
		_, control := run(cold(trial(1)))
		Expect(control.Answer).To(Equal(harness.Pass), control.Why)

		result, steady := run(trial(2, clocks...))
		Expect(steady.Answer).To(Equal(harness.Pass), steady.Why)
		Expect(attempts(result, clocks)).To(BeZero(), "it asks for the time when it starts, and only then")

		result, booted := run(cold(trial(3, clocks...)))
		Expect(booted.Answer).To(Equal(harness.Fail))
		for i := range clocks {
			Expect(attempts(result, clocks[i:i+1])).To(BeNumerically(">", 0), "it started, and tried %s", clocks[i])
		}
		Expect(result.Recovered).To(BeTrue(), "it is restarted once more, with nothing blocked")

		result, one := run(cold(trial(4, clocks[0])))
		Expect(one.Answer).To(Equal(harness.Pass), one.Why)
		Expect(attempts(result, clocks)).To(BeNumerically(">", 0))
	}, SpecTimeout(2*time.Minute))
})

// attempts adds up what ran into the block.
func attempts(result harness.Result, destinations []harness.Destination) (count int) {
	for _, d := range destinations {
		contact, _ := result.Seen.Contact(d)
		count += contact.Attempts
	}
	return count
}

var _ = Describe("a Ginkgo suite on a lab", Label("root"), func() {
	It("is compiled once, and each of its specs is a column", func(ctx SpecContext) {
		file, err := scenarios.Parse("../../../scenarios/spec.yaml", []byte(head+"  suite: {from: gateway, steps: [{ginkgo: ./testdata/_vacuum}]}\n"))
		Expect(err).NotTo(HaveOccurred())
		list, err := file.Expand(ctx, file.Scenarios)
		Expect(err).NotTo(HaveOccurred())
		world, err := specbench.World(file)
		Expect(err).NotTo(HaveOccurred())
		lane, err := specbench.OnLab(ctx, file, list, world, specbench.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(lane.Close)

		result := ask(ctx, lane, trial(1))
		Expect(result.Outcomes).To(HaveLen(3))
		for _, name := range []string{"suite_the_vacuum_tells_its_state", "suite_the_vacuum_comes_when_it_is_called"} {
			Expect(result.Outcomes[name].Answer).To(Equal(harness.Pass), result.Outcomes[name].Why)
		}
		wish := result.Outcomes["suite_a_wish_stays_one"]
		Expect(wish.Answer).To(Equal(harness.Fail))
		Expect(wish.Why).To(And(ContainSubstring("the device's state"), ContainSubstring("77")))
		Expect(fmt.Sprint(result.Outcomes)).NotTo(ContainSubstring(lane.Lab.Device.Token))
	}, SpecTimeout(3*time.Minute))
})
