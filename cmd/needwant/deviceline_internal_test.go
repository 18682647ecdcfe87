package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

func TestOnATerminalEachOfSeveralDevicesHasALine(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		lamp, vacuum := &member{name: "lamp"}, &member{name: "the-vacuum-of-the-kitchen"}
		stop := (&agent{members: []*member{lamp, vacuum}}).show(screen)
		present := func() []string {
			<-time.After(refresh)
			synctest.Wait()
			return terminal.shown()
		}
		expect.Expect(present()).To(Equal([]string{
			"lamp              begins",
			"the-vacuum-of-t…  begins",
		}))

		fmt.Fprintln(lamp.line, "step 1: something\nwaiting for the device at 192.168.60.10")
		waiting := vacuum.line.begin()
		waiting.begin(harness.Event{Lane: 1, At: time.Now(), Trial: &harness.Trial{Number: 12}, Progress: harness.Progress{Left: 20, Remaining: 30 * time.Minute}}, "alone")
		waiting.step(harness.Step{Lane: 1, Phase: harness.Checking, Scenarios: []string{"native_app", "home_assistant"}})
		expect.Expect(present()).To(Equal([]string{
			"lamp              waiting for the device at 192.168.60.10",
			"the-vacuum-of-t…  trial 12; about 20 trials to go, 22 to 40 min: checks native…",
		}))

		waiting.end(harness.Event{Kind: harness.Finished, Lane: 1, At: time.Now()})
		fmt.Fprintln(vacuum.line, "The run is saved in vacuum.run.")
		lamp.line.end("the device did not \x1b[2Jcome")
		expect.Expect(present()).To(Equal([]string{
			"the-vacuum-of-the-kitchen: The run is saved in vacuum.run.",
			`lamp: the device did not \u001b[2Jcome`,
			`lamp              the device did not \u001b[2Jcome`,
			"the-vacuum-of-t…  The run is saved in vacuum.run.",
		}))
		stop()
		expect.Expect(terminal.shown()).To(HaveLen(2))
	})
}

func TestWithoutATerminalEachLineHasTheNameOfItsDevice(t *testing.T) {
	var out bytes.Buffer
	lamp := &member{name: "lamp"}
	defer (&agent{members: []*member{lamp}}).show(&out)()
	fmt.Fprintln(lamp.line, "  one\n\ntwo")
	NewWithT(t).Expect(out.String()).To(Equal("lamp:   one\nlamp: two\n"))
}

func TestTheExitCodeOfSeveralDevicesIsThatOfTheOneThatNeedsAPersonMost(t *testing.T) {
	expect := NewWithT(t)
	of := func(errs ...error) int {
		a := &agent{}
		for i, err := range errs {
			a.members = append(a.members, &member{name: fmt.Sprint(i), err: err, files: []string{"none.run"}})
		}
		code, _ := codeAndText(t.Context(), a.closing(t.Context(), &bytes.Buffer{}))
		return code
	}
	open, broken := &exitError{code: codeOpen}, exit(codeBroken, errors.New("broken"))
	expect.Expect(of(nil, nil)).To(Equal(codeDone))
	expect.Expect(of(nil, open)).To(Equal(codeOpen))
	expect.Expect(of(open, broken, nil)).To(Equal(codeBroken))
	expect.Expect(of(broken, errors.New("no exit code"), open)).To(Equal(codeUnfit))
}
