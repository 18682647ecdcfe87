package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// longRun has contacted so many destinations, and has tried each of them.
func longRun(destinations int) harness.Run {
	run := harness.Run{
		Status: harness.Running, Device: harness.Device{Name: "lamp"}, Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Required for the app?"}},
		Settings: harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Order: "exact", Lanes: 1, Settle: time.Second},
	}
	for number := range destinations + 1 {
		result := harness.Result{
			Trial: harness.Trial{Number: number + 1, Reason: "prove", Fault: harness.Reject, Regime: harness.Steady}, Lane: 1, Sitting: 1, Recovered: true, Duration: time.Second,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}},
		}
		for i := range destinations {
			d := harness.Destination{Protocol: harness.TCP, Port: 443, Name: fmt.Sprintf("host-%d.cloud.vendor.example", i)}
			contact := harness.Contact{Destination: d, Tries: 1, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}}
			if i == number-1 {
				result.Trial.Block = []harness.Destination{d}
				contact.Attempts, contact.Touched = 1, 1
			}
			result.Seen.Contacts = append(result.Seen.Contacts, contact)
		}
		run.Results = append(run.Results, result)
	}
	return run
}

func TestWatchFitsItsWindow(t *testing.T) {
	for _, window := range []struct{ destinations, columns, rows int }{{3, 80, 24}, {7, 80, 24}, {40, 80, 24}, {40, 120, 50}, {3, 62, 12}, {40, 62, 8}} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			expect := NewWithT(t)
			lines := filled(longRun(window.destinations), window.columns, window.rows)
			expect.Expect(len(lines)).To(BeNumerically("<", window.rows))
			for _, line := range lines {
				if !slices.Contains(lines[len(lines)-2:], line) { // they are shortened by the screen
					expect.Expect(displaywidth.String(line)).To(BeNumerically("<=", max(window.columns, 80)), line)
				}
			}
			text := strings.Join(lines, "\n")
			expect.Expect(text).To(ContainSubstring("lamp"))
			expect.Expect(lines[len(lines)-2]).To(ContainSubstring("so far"))
			expect.Expect(text).NotTo(ContainSubstring("rest on"), "no boilerplate")
			if window.rows >= 24 {
				expect.Expect(strings.Count(text, "  ? undecided\n")).To(BeNumerically(">=", min(window.destinations, window.rows/3)), text)
				expect.Expect(text).To(And(ContainSubstring("Service"), ContainSubstring("host-0.cloud"), ContainSubstring(fmt.Sprintf("%4d  prove: tcp/443/host-%d.", window.destinations+1, window.destinations-1))))
			}
		})
	}
}

func TestObserveFitsItsWindow(t *testing.T) {
	expect := NewWithT(t)
	var seen []observed
	for i := range 30 {
		d := harness.Destination{Protocol: harness.UDP, Port: 123, Name: fmt.Sprintf("time-%d.example", i)}
		seen = append(seen, observed{Contact: harness.Contact{Destination: d, Last: time.Date(2026, 1, 1, 1, 1, i, 0, time.UTC)}, Named: "dns"})
	}
	lines := fittingTable(seen, 80, 24)
	expect.Expect(lines).To(HaveLen(23))
	expect.Expect(lines[0]).To(And(HavePrefix("NAME"), ContainSubstring("TRIES"), Not(ContainSubstring("NAMED BY"))))
	expect.Expect(lines[1]).To(HavePrefix("time-29.example"), "the last one first")
	expect.Expect(lines[22]).To(Equal("and 9 more"))
	for _, line := range lines {
		expect.Expect(displaywidth.String(strings.TrimRight(line, " "))).To(BeNumerically("<", 80))
	}
	expect.Expect(fittingTable(seen, 200, 60)[0]).To(HaveSuffix("NAMED BY"))
	expect.Expect(fittingTable(seen, 20, 60)[0]).To(HavePrefix("NAME"))
	nameless := harness.Contact{Destination: harness.Destination{Protocol: harness.UDP, Port: 123, Name: "192.0.2.7"}}
	expect.Expect(fittingTable([]observed{{Contact: nameless}}, 30, 24)[1]).To(HavePrefix("192.0.2.7 "), "what has no name")
	last, left := narrow(seen, 50)
	for _, line := range last {
		expect.Expect(displaywidth.String(line)).To(BeNumerically("<=", 50))
	}
	expect.Expect(last).To(HaveLen(31), "of the table at the end, no row is left out")
	expect.Expect(left).To(And(ContainElements("NAMED BY", "FIRST"), Not(ContainElements("NAME", "PORT"))))
	expect.Expect(fittingTable(nil, 80, 24)).To(Equal([]string{"the device has contacted nothing yet"}))
}

func TestATextIsAsWideAsTheWindow(t *testing.T) {
	expect := NewWithT(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	expect.Expect(err).NotTo(HaveOccurred())
	defer master.Close()
	expect.Expect(unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)).To(Succeed())
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	expect.Expect(err).NotTo(HaveOccurred())
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	expect.Expect(err).NotTo(HaveOccurred())
	defer terminal.Close()
	expect.Expect(unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 72, Row: 20})).To(Succeed())
	expect.Expect(textFor(terminal)).To(Equal(reports.Text{Width: 72}))

	file, err := os.Create(filepath.Join(t.TempDir(), "report"))
	expect.Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	expect.Expect(textFor(file)).To(Equal(reports.Text{}))
}
