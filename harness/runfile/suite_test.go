package runfile_test

import (
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

func TestMain(m *testing.M) {
	if part := os.Getenv(childPart); part != "" {
		os.Exit(child(part, os.Getenv(childPath)))
	}
	os.Exit(m.Run())
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "harness/runfile")
}

// head is a run before its first trial, with every setting set.
func head() harness.Run {
	cloud, spare := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}, harness.Destination{Protocol: "udp", Port: 123, Name: "192.0.2.7"}
	return harness.Run{
		ID:      "01J",
		Started: time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC),
		Device:  harness.Device{Name: "s50", Model: "roborock.vacuum.s5", Firmware: "3.5.8_002034"},
		Settings: harness.Settings{
			Source: "s50-thread", Text: "apiVersion: needwant/v1\n", Driver: "ipset",
			Faults:  []harness.Fault{harness.Reject, harness.Drop},
			Regimes: []harness.Regime{harness.Steady, harness.ColdBoot},
			Order:   "exact", Seed: -7, Budget: 200, Lanes: 2, MaxNoise: 0.05, Careful: true,
			Kept: []string{"dhcp", "dns"}, Settle: 1500 * time.Millisecond,
			Known: &harness.Known{Source: "old.run", Run: "OLD", Started: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), Trials: 19, Periods: map[harness.Destination]time.Duration{cloud: time.Hour}, Columns: []harness.KnownColumn{{
				Scenario: "hass", Regime: harness.Steady, Fault: harness.Drop,
				Cuts:      [][]harness.Destination{{cloud}},
				Verdicts:  map[harness.Destination]harness.Verdict{cloud: harness.Required, spare: harness.Optional},
				Fallbacks: map[harness.Destination][][]harness.Destination{spare: {{cloud}}},
			}}},
		},
		Scenarios: []harness.ScenarioInfo{
			{Name: "native_app", Title: "Required for Native App?", Vantage: "gateway", Checks: "local miIO control"},
			{Name: "hass", Title: "Required for HASS?", Vantage: "lan"},
		},
	}
}

// result is the n-th trial of a made-up run; the same n gives the same trial.
func result(n int) harness.Result {
	random := rand.New(rand.NewSource(int64(n)))
	destinations := someDestinations(random)
	held := time.Duration(random.Int63n(int64(time.Minute)))
	return harness.Result{
		Trial: harness.Trial{
			Number: n, Block: destinations[:random.Intn(len(destinations)+1)],
			Fault: harness.Drop, Regime: harness.ColdBoot, Reason: "halve",
		},
		Lane:     random.Intn(3),
		Started:  head().Started.Add(time.Duration(n) * time.Minute),
		Duration: held + time.Second,
		Held:     held,
		Outcomes: map[string]harness.Outcome{
			"native_app": {Answer: harness.Pass, Duration: time.Millisecond},
			"hass": {Answer: harness.Fail, Why: hostile(random), Steps: []harness.StepOutcome{
				{Step: "hass vacuum.s50", Answer: harness.Fail, Saw: hostile(random)}}},
		},
		Seen: harness.Observation{
			Since: head().Started, Contacts: someContacts(random, destinations), Lost: random.Intn(2), Broken: hostile(random),
		},
		Recovered: random.Intn(2) == 0,
		Suspect:   hostile(random),
	}
}

func someDestinations(random *rand.Rand) []harness.Destination {
	var destinations []harness.Destination
	for i := range 1 + random.Intn(6) {
		destinations = append(destinations, harness.Destination{
			Protocol: []string{"tcp", "udp"}[random.Intn(2)],
			Port:     uint16(1 + random.Intn(65535)),
			Name:     []string{"time.example", "2001:db8::7", "192.0.2.1", "odd|name'\";--"}[random.Intn(4)] + fmt.Sprint(i),
		})
	}
	return destinations
}

func someContacts(random *rand.Rand, destinations []harness.Destination) []harness.Contact {
	var contacts []harness.Contact
	for _, destination := range destinations {
		contacts = append(contacts, harness.Contact{
			Destination: destination,
			Addresses:   []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0")},
			Collateral:  []string{"other.example"},
			First:       head().Started, Last: head().Started.Add(time.Second),
			Tries: random.Intn(9), Attempts: random.Intn(9), Touched: random.Intn(9), Answered: random.Intn(2) == 0,
		})
	}
	return contacts
}

// hostile is text that breaks careless SQL, JSON or terminals.
func hostile(random *rand.Rand) string {
	return []string{"", "'; DROP TABLE journal; --", "a\x00b\x1b[31m\r\n", "\u202e<script>|", "naïve 家"}[random.Intn(5)]
}

// written makes a finished run file with n trials, and says what it holds.
func written(n int) (string, harness.Run) {
	GinkgoHelper()
	path := GinkgoT().TempDir() + "/made.run"
	file, err := runfile.Create(path, head())
	Expect(err).NotTo(HaveOccurred())
	run := head()
	for i := range n {
		run.Results = append(run.Results, result(i+1))
		Expect(file.Append(result(i + 1))).To(Succeed())
	}
	run.Status, run.Why, run.Duration = harness.Complete, "all decided", 90*time.Second
	Expect(file.Finish(run.Status, run.Why, run.Duration)).To(Succeed())
	Expect(file.Close()).To(Succeed())
	return path, run
}
