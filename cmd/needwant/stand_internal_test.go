package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

func TestTheStepsOfAPlacementAreShownIfTheyAreWanted(t *testing.T) {
	for verbose, shown := range map[bool]string{
		false: "putting the device behind the gateway\nwaiting for the device\n",
		true:  "putting the device behind the gateway\nstep 1: lock it\nwaiting for the device\n",
	} {
		var out bytes.Buffer
		o := &opening{out: screenOf(&out), verbose: verbose}
		o.tell("putting the device behind the gateway")
		o.step("step 1: lock it")
		o.tell("waiting for the device")
		NewWithT(t).Expect(out.String()).To(Equal(shown))
	}
}

func TestOnATerminalTheStepOfAPlacementAndItsTimeAreShown(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		o := &opening{out: screen}
		stop := screen.show(o.lines)
		present := func(later time.Duration) []string {
			<-time.After(later)
			synctest.Wait()
			return terminal.shown()
		}
		expect.Expect(present(0)).To(BeEmpty())
		o.tell("putting the device behind the gateway")
		o.step("step 6: ask the home router for an address")
		expect.Expect(present(4 * time.Second)).To(Equal([]string{
			"putting the device behind the gateway",
			"      4 s so far; step 6: ask the home router for an address",
		}))
		o.tell("waiting for the device")
		expect.Expect(present(2 * time.Second)).To(Equal([]string{
			"putting the device behind the gateway",
			"waiting for the device",
			"      6 s so far",
		}))
		stop()
		expect.Expect(terminal.shown()).To(HaveLen(2))
	})
}
