//go:build e2e

package peers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// fact is one thing that Home Assistant's own client tells.
type fact = map[string]any

var _ = Describe("npm's home-assistant-js-websocket", Label("e2e"), func() {
	var lane *lablane.Lane
	battery := HaveKeyWithValue("battery_level", 100.0) // a sensor of its own since 2026
	cloud := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}

	BeforeEach(func(ctx SpecContext) {
		world, err := lab.Parse("needy.yaml", []byte(needy))
		Expect(err).NotTo(HaveOccurred())
		lane, err = lablane.Start(ctx, lablane.NewRun(world, harness.Settings{}), world, 1)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(lane.Close)
	})

	// follows is what the client must meet: the entity as it is, a poll, two
	// refusals, and each change of the state both as an event and in its own store.
	follows := func(ctx SpecContext, site lab.AssistantSite, version string, attributes types.GomegaMatcher) {
		GinkgoHelper()
		facts := watch(ctx, lane.Lab, site)
		next := func() fact {
			GinkgoHelper()
			var next fact
			Eventually(facts).WithContext(ctx).Within(time.Minute).Should(Receive(&next))
			return next
		}
		Expect(next()).To(And(
			HaveKeyWithValue("version", version),
			HaveKeyWithValue("config", fact{"version": version, "state": "RUNNING"}),
			HaveKeyWithValue("entity", And(
				HaveKeyWithValue("entity_id", site.Entity), HaveKeyWithValue("state", "docked"),
				HaveKeyWithValue("attributes", attributes),
				HaveKeyWithValue("last_changed", Not(BeEmpty())), HaveKeyWithValue("context", HaveKey("id")),
			)),
		))
		Expect(next()).To(Equal(fact{"state": "docked"}))
		Expect(next()).To(Equal(fact{"refreshed": true}))
		Expect(next()).To(Equal(fact{"refused": "not_found"}))
		Expect(next()).To(Equal(fact{"refused": "unknown_command"}))

		Expect(lane.Gateway.Block(ctx, []harness.Destination{cloud}, harness.Reject)).To(Succeed())
		Expect([]fact{next(), next()}).To(ConsistOf(fact{"event": "state_changed", "from": "docked", "to": "unavailable"}, fact{"state": "unavailable"}))
		Expect(lane.Gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		Expect([]fact{next(), next()}).To(ConsistOf(fact{"event": "state_changed", "from": "unavailable", "to": "docked"}, fact{"state": "docked"}))
	}

	It("takes the stand-in for a Home Assistant", func(ctx SpecContext) {
		home := instance{from: lane.Lab.App, AssistantSite: lane.Lab.Assistant}
		home.awaits(ctx, home.Entity)
		follows(ctx, home.AssistantSite, "2024.4.0", battery)
	}, SpecTimeout(10*time.Minute))

	DescribeTable("meets the same in a Home Assistant:", func(ctx SpecContext, release string, attributes types.GomegaMatcher) {
		follows(ctx, moveIn(ctx, release, lane.Lab).AssistantSite, release, attributes)
	},
		Entry(nil, oldRelease, battery, SpecTimeout(10*time.Minute)),
		Entry(nil, currentRelease, And(HaveKeyWithValue("fan_speed", "Standard"), Not(battery)), SpecTimeout(10*time.Minute)),
	)

	It("is told when the token is wrong", func(ctx SpecContext) {
		site := lane.Lab.Assistant
		site.Token = "wrong"
		Eventually(watch(ctx, lane.Lab, site)).WithContext(ctx).Within(time.Minute).Should(Receive(Equal(fact{"error": 2.0})))
	}, SpecTimeout(time.Minute))
})

// watch runs the client on the app host until the spec ends, and hands over what
// it tells.
func watch(ctx context.Context, l *lab.Lab, site lab.AssistantSite) <-chan fact {
	GinkgoHelper()
	command := l.App.Command(ctx, "node", "testdata/socket.mjs", "watch", site.URL, site.Token, site.Entity)
	command.Stderr = GinkgoWriter
	_, err := command.StdinPipe() // open for as long as it shall watch
	Expect(err).NotTo(HaveOccurred())
	output, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	facts := make(chan fact)
	over, end := context.WithCancel(ctx)
	go read(over, output, facts)
	DeferCleanup(func() {
		end()
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
	})
	return facts
}

// read takes one JSON a line.
func read(ctx context.Context, output io.Reader, facts chan<- fact) {
	defer GinkgoRecover()
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var next fact
		Expect(json.Unmarshal(lines.Bytes(), &next)).To(Succeed(), lines.Text())
		select {
		case facts <- next:
		case <-ctx.Done():
			return
		}
	}
}
