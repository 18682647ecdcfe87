package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"github.com/vbauerster/cupwriter"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/policy"
)

// fakeTerminal is a terminal of a size that can change, and what it got.
type fakeTerminal struct {
	mu            sync.Mutex
	got           bytes.Buffer
	columns, rows int
}

func (f *fakeTerminal) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got.Write(text)
}

func (f *fakeTerminal) resize(columns, rows int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.columns, f.rows = columns, rows
}

func (f *fakeTerminal) size() (columns, rows int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.columns, f.rows, nil
}

func (f *fakeTerminal) screen() *screen {
	return &screen{out: f, pen: cupwriter.New(f, true), size: f.size}
}

// shown is what the terminal shows, as far as lines, "return", "up", "erase below" and "clear" go.
func (f *fakeTerminal) shown() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	line, column := "", 0 // the line of the cursor
	for text := f.got.String(); text != ""; {
		if rest, cleared := strings.CutPrefix(text, "\x1b[H\x1b[2J"); cleared {
			lines, line, column, text = nil, "", 0, rest
			continue
		}
		if rest, moved := strings.CutPrefix(text, "\x1b["); moved {
			number, after, _ := strings.Cut(rest, "A\x1b[J")
			up, err := strconv.Atoi(number)
			if err != nil || up > len(lines) {
				panic(fmt.Sprintf("%d lines, and then %q", len(lines), text[:min(len(text), 20)]))
			}
			at := len(lines) - up
			line = (lines[at] + strings.Repeat(" ", column))[:column]
			lines, text = lines[:at], after
			continue
		}
		switch text[0] {
		case '\n':
			lines, line, column = append(lines, line), "", 0
		case '\r':
			column = 0
		default:
			line, column = line[:column]+text[:1], column+1
		}
		text = text[1:]
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// onScreen runs a test in a time of its own.
func onScreen(t *testing.T, test func(expect Gomega, terminal *fakeTerminal, screen *screen)) {
	synctest.Test(t, func(t *testing.T) {
		terminal := &fakeTerminal{columns: 80, rows: 24}
		test(NewWithT(t), terminal, terminal.screen())
	})
}

func TestAStatusIsBelowWhatIsWrittenAndGoesWithTheEnd(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		drawn := 0
		stop := screen.show(func(int, int) []string { drawn++; return []string{fmt.Sprintf("drawn %d times", drawn)} })
		synctest.Wait()
		expect.Expect(terminal.shown()).To(Equal([]string{"drawn 1 times"}))
		fmt.Fprintln(screen, "first")
		<-time.After(refresh)
		synctest.Wait()
		fmt.Fprintln(screen, "second")
		expect.Expect(terminal.shown()).To(Equal([]string{"first", "second", "drawn 4 times"}))
		stop()
		fmt.Fprintln(screen, "third")
		expect.Expect(terminal.shown()).To(Equal([]string{"first", "second", "third"}))
	})
}

func TestAStatusMakesRoomForAQuestion(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		defer screen.show(func(int, int) []string { return []string{"status"} })()
		synctest.Wait()
		release := screen.hold()
		fmt.Fprint(screen, "Does it work? ")
		<-time.After(10 * refresh)
		expect.Expect(terminal.shown()).To(Equal([]string{"Does it work? "}))
		fmt.Fprintln(terminal, "yes") // as the terminal shows what is typed
		release()
		<-time.After(refresh)
		synctest.Wait()
		expect.Expect(terminal.shown()).To(Equal([]string{"Does it work? yes", "status"}))
	})
}

func TestAStatusFitsTheWindow(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		defer screen.show(func(columns, rows int) []string {
			return []string{strings.Repeat("x", 200), "\x1b[2J", fmt.Sprintf("%d by %d", columns, rows), "4", "5"}
		})()
		synctest.Wait()
		expect.Expect(terminal.shown()).To(Equal([]string{strings.Repeat("x", 78) + "…", `\u001b[2J`, "80 by 24", "4", "5"}))
		terminal.resize(10, 4)
		<-time.After(refresh)
		synctest.Wait()
		expect.Expect(terminal.shown()).To(Equal([]string{"xxxxxxxx…", `\u001b[2J`, "10 by 4"}))
	})
}

func TestWhereThereIsNoTerminalThereIsNoStatus(t *testing.T) {
	expect := NewWithT(t)
	var out bytes.Buffer
	screen := newScreen(&out)
	stop := screen.show(func(int, int) []string { panic("shown") })
	fmt.Fprintln(screen, "a line")
	screen.hold()()
	stop()
	expect.Expect(out.String()).To(Equal("a line\n"))
}

func TestWhatTheTerminalShowsOfCtrlCIsErasedWithTheStatus(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		stop := screen.show(func(int, int) []string { return []string{"one", "two"} })
		synctest.Wait()
		fmt.Fprint(terminal, "^C")
		stop()
		fmt.Fprintln(screen, "The network is as it was.")
		expect.Expect(terminal.shown()).To(Equal([]string{"The network is as it was."}))
	})
}

func TestAnExperimentShowsWhatItWaitsFor(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		destination := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "a.example"}
		progress := newProgress(screen, harness.Run{Device: harness.Device{Name: "lamp"}, Scenarios: []harness.ScenarioInfo{{Name: "app"}}})
		progress.live(screen)
		status := func() []string {
			<-time.After(refresh)
			synctest.Wait()
			return terminal.shown()[2:] // below the lines that say what begins
		}
		expect.Expect(status()).To(Equal([]string{"      1 s so far"}))

		control := harness.Trial{Number: 1, Reason: "control"}
		progress.show(harness.Event{Kind: harness.Began, At: time.Now(), Lane: 1, Trial: &control})
		progress.step(harness.Step{Lane: 1, Phase: harness.Observing, Until: time.Now().Add(30 * time.Minute), Fresh: []harness.Destination{destination}})
		expect.Expect(status()).To(Equal([]string{
			"      sees tcp/443/a.example", // during the observation
			"   1  control: nothing blocked",
			"      observes what the device contacts, 29 min 59 s more",
			"      1 s so far",
		}))
		progress.show(harness.Event{Kind: harness.Ended, At: time.Now(), Lane: 1, Trial: &control, Progress: harness.Progress{Elapsed: time.Minute, Left: 2, Remaining: 4 * time.Minute},
			Result: &harness.Result{Trial: control, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Seen: harness.Observation{Contacts: []harness.Contact{{Destination: destination}}}}})
		block := harness.Trial{Number: 2, Reason: "everything", Block: []harness.Destination{destination}}
		progress.show(harness.Event{Kind: harness.Began, At: time.Now(), Lane: 1, Trial: &block, Progress: harness.Progress{Elapsed: time.Minute, Left: 2, Remaining: 4 * time.Minute}})
		progress.step(harness.Step{Lane: 1, Phase: harness.Settling, Until: time.Now().Add(31 * time.Second), Untried: block.Block})
		expect.Expect(status()).To(Equal([]string{
			"      sees tcp/443/a.example", // once
			"   1  control: nothing blocked                     app works",
			"   2  everything: tcp/443/a.example",
			"      waits until the device tries a.example, at most 30 s more",
			"      1 min 1 s so far; about 2 trials to go, 3 to 5 min",
		}))
		for step, line := range map[*harness.Step]string{
			{Phase: harness.Checking, Scenarios: []string{"app", "hass"}}:                               "checks app, hass",
			{Phase: harness.Persisting, Until: time.Now().Add(time.Minute), Scenarios: []string{"app"}}: "checks again whether it still fails: app, ",
			{Phase: harness.Recovering, Until: time.Now().Add(time.Minute)}:                             "nothing is blocked; waits until everything works again, at most ",
			{Phase: harness.Provoking}:                                    "takes the device's link down and up",
			{Phase: harness.Restarting}:                                   "restarts the device",
			{Phase: harness.Renewing, Until: time.Now().Add(time.Minute)}: "waits until the device renews its DHCP lease, at most ",
			{Phase: harness.Settling, Untried: []harness.Destination{destination, {Name: "b", Protocol: "x"}}}: "waits until the device tries 2 destinations",
		} {
			step.Lane = 1
			progress.step(*step)
			expect.Expect(status()[3]).To(HavePrefix("      " + line))
		}
		progress.show(harness.Event{Kind: harness.Finished})
		expect.Expect(terminal.shown()[2:]).To(HaveLen(2))
	})
}

func TestAVerificationShowsWhatItWaitsFor(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		v := &verifying{out: screen, soak: harness.Soak{For: 30 * time.Minute, Every: 90 * time.Second}, began: time.Now()}
		stop := screen.show(v.lines)
		status := func() []string {
			<-time.After(refresh)
			synctest.Wait()
			return terminal.shown()
		}
		expect.Expect(v.interrupted()).To(BeEmpty())
		v.takes(harness.Step{Phase: harness.Settling, Until: time.Now().Add(90 * time.Second)})
		expect.Expect(status()).To(Equal([]string{
			"      control: nothing blocked",
			"      gives the device time, 1 min 29 s more",
			"      1 s so far; then the policy is held for 30 min",
		}))
		v.hold(policy.BlockOptional, harness.Trial{Block: make([]harness.Destination, 5)})
		v.takes(harness.Step{Phase: harness.Holding, Until: time.Now().Add(90 * time.Second)})
		expect.Expect(status()).To(Equal([]string{
			"all works with nothing blocked; applying block-optional for 30 min, with checks",
			"  every 1 min 30 s",
			"      block-optional: 5 blocked",
			"      waits for the next round of checks, 1 min 29 s more",
			"      1 s of 30 min",
		}))
		for number := range said { // of which the first alone is news
			v.round(harness.Round{Number: number + 1, After: 90 * time.Second, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}})
		}
		expect.Expect(status()[2:]).To(Equal([]string{
			"1 min 30 s  app works",
			"1 min 30 s  app works", // said rounds later
			"      block-optional: 5 blocked",
			"      waits for the next round of checks, 1 min 28 s more",
			"      2 s of 30 min; round 20 of checks: app works",
		}))
		expect.Expect(v.interrupted()).To(Equal("UNDECIDED: interrupted after 2 s of 30 min; in round 20 of checks: app works."))
		stop()
		expect.Expect(terminal.shown()).To(HaveLen(4))
	})
}

func TestTheLinesOfARunFitTheWindow(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		progress := newProgress(screen, harness.Run{Device: harness.Device{Name: "s50"}, Scenarios: []harness.ScenarioInfo{{Name: "native_app"}, {Name: "home_assistant"}}})
		host := harness.Destination{Protocol: "udp", Port: 8053, Name: strings.Repeat("long-name.", 8) + "example"}
		progress.tell(harness.Result{
			Trial:    harness.Trial{Number: 12, Reason: "ask a contradiction again", Block: []harness.Destination{host}},
			Suspect:  "this machine was too busy: the simulated device, which acts every 0.1 s, stood still for 0.6 s",
			Outcomes: map[string]harness.Outcome{"native_app": {Answer: harness.Inconclusive}, "home_assistant": {Answer: harness.Fail}},
		}, "1 min so far")
		expect.Expect(terminal.shown()[2:]).To(Equal([]string{
			"  12  ask a contradiction again: 1 of 1 blocked",
			"      native_app unclear  home_assistant fails",
			"      not counted: this machine was too busy: the simulated device, which acts",
			"      every 0.1 s, stood still for 0.6 s",
			"      1 min so far",
		}))
		expect.Expect(progress.what(harness.Trial{Reason: "audit", Block: []harness.Destination{host}})).To(Equal("audit: udp/8053/long-name.long…-name.example"))
	})
}

func TestTheTimeLeftIsNeverUsedUpBeforeTheEnd(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		w := &waiting{trials: map[int]doing{}}
		w.begin(harness.Event{At: time.Now(), Lane: 1, Trial: &harness.Trial{}, Progress: harness.Progress{Left: 2, Remaining: 4 * time.Minute}}, "")
		<-time.After(time.Hour)
		expect.Expect(w.lines(80, 24)).To(ContainElement("      1 h so far; about 2 trials to go, 45 s to 1 min"))
	})
}
