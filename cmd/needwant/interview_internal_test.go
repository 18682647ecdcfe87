package main

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
)

func TestAQuestionIsBrokenBetweenWordsWithRoomForTheAnswer(t *testing.T) {
	onScreen(t, func(expect Gomega, terminal *fakeTerminal, screen *screen) {
		lines := make(chan string, 1)
		lines <- ""
		i := &interview{out: screen, lines: lines}
		answer, err := i.ask(context.Background(), "where your Home Assistant is, e.g. http://192.168.1.5:8123", "http://192.168.1.5:8123")
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(answer).To(Equal("http://192.168.1.5:8123"))
		i.object(errors.New("\n192.168.50.10 did not answer in this machine's networks. Is the device switched on? Is this its address now?"))
		expect.Expect(terminal.shown()).To(Equal([]string{
			"where your Home Assistant is, e.g. http://192.168.1.5:8123",
			"  [http://192.168.1.5:8123]:   ",
			"  192.168.50.10 did not answer in this machine's networks. Is the device",
			"    switched on? Is this its address now?",
		}))
	})
}
