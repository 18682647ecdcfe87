package scenarios_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// simple serves one connection at a time to each port, closes a second one at
// once as Tuya devices do (make-all/tuya-local #225), and answers after a while.
type simple struct {
	mutex sync.Mutex
	busy  map[string]bool
	open  int
	most  int // connections at the same time, to all ports together
}

func (s *simple) enter(address string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.busy[address] {
		return false
	}
	s.busy[address] = true
	s.open++
	s.most = max(s.most, s.open)
	return true
}

func (s *simple) leave(address string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.busy[address] = false
	s.open--
}

const answering = 500 * time.Millisecond

func (s *simple) dial(_ context.Context, _, address string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		if !s.enter(address) {
			return
		}
		_, _ = theirs.Read(make([]byte, 100))
		<-time.After(answering)
		s.leave(address)
		_, _ = theirs.Write([]byte("ok"))
	}()
	return ours, nil
}

// sideBySide checks all scenarios of a list at once, as a trial does, and returns
// what came of them and how many connections were open at the same time.
func sideBySide(t *testing.T, list string) (outcomes []harness.Outcome, most int) {
	t.Helper()
	expect := NewWithT(t)
	file := parsed(expect, `scenarios:
`+list)
	device := &simple{busy: map[string]bool{}}
	place := scenarios.Place{Dial: device.dial}
	bound, err := file.Bind(file.Scenarios, scenarios.Site{Places: map[string]scenarios.Place{"gateway": place, "lan": place, "host": place}})
	expect.Expect(err).NotTo(HaveOccurred())
	outcomes = make([]harness.Outcome, len(bound))
	var all sync.WaitGroup
	for i, scenario := range bound {
		all.Go(func() { outcomes[i] = scenario.Check(context.Background()) })
	}
	all.Wait()
	return outcomes, device.most
}

func TestScenariosTakeTurns(t *testing.T) {
	for name, world := range map[string]struct {
		list string
		most int // connections at the same time
		took time.Duration
	}{
		"that connect to one port": {`
  status: {steps: [{tcp: {address: "192.168.50.10:6668", send: a, read: true}, expect: 'text == "ok"'}]}
  switch: {from: lan, steps: [{tcp: {address: "192.168.50.10:6668", send: b, read: true}, expect: 'text == "ok"'}]}
`, 1, 2 * answering},
		"but not for different ports": {`
  status: {steps: [{tcp: {address: "192.168.50.10:6668", send: a, read: true}, expect: 'text == "ok"'}]}
  switch: {steps: [{tcp: {address: "192.168.50.10:6669", send: b, read: true}, expect: 'text == "ok"'}]}
`, 2, answering},
		"if one wants to be alone": {`
  status: {alone: true, steps: [{tcp: {address: "192.168.50.10:6668", send: a, read: true}, expect: 'text == "ok"'}]}
  switch: {steps: [{tcp: {address: "192.168.50.10:6669", send: b, read: true}, expect: 'text == "ok"'}]}
`, 1, 2 * answering},
		"if one switches the device off": {`
  power: {steps: [{power: {exec: {off: "true", on: "true"}, off: 1ms}}, {tcp: {address: "192.168.50.10:6668", send: a, read: true}, expect: 'text == "ok"'}]}
  switch: {steps: [{tcp: {address: "192.168.50.10:6669", send: b, read: true}, expect: 'text == "ok"'}]}
`, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				expect := NewWithT(t)
				began := time.Now()
				outcomes, most := sideBySide(t, world.list)
				for _, outcome := range outcomes {
					expect.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
				}
				expect.Expect(most).To(Equal(world.most))
				if world.took == 0 {
					return // a real program ran
				}
				expect.Expect(time.Since(began)).To(Equal(world.took))
				for _, outcome := range outcomes {
					expect.Expect(outcome.Duration).To(Equal(answering), "waiting for the others does not count")
				}
			})
		})
	}
}

func TestAPersonIsAskedOneQuestionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		file := parsed(expect, `scenarios:
  map: {steps: [{prompt: Does the app show the map?}]}
  light: {from: host, steps: [{prompt: Is the light on?}]}
`)
		var asked, most int
		ask := func(context.Context, scenarios.Question) (string, error) {
			asked++
			most = max(most, asked)
			<-time.After(time.Second)
			asked--
			return "yes", nil
		}
		bound, err := file.Bind(file.Scenarios, scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}, "host": {}}, Ask: ask})
		expect.Expect(err).NotTo(HaveOccurred())
		var all sync.WaitGroup
		for _, scenario := range bound {
			all.Go(func() { scenario.Check(context.Background()) })
		}
		all.Wait()
		expect.Expect(most).To(Equal(1))
	})
}

func TestATurnThatDoesNotComeIsInconclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		file := parsed(expect, `scenarios:
  long: {alone: true, steps: [{wait: 59m, timeout: 1h}]}
  short: {steps: [{wait: 1s}]}
`)
		bound, err := file.Bind(file.Scenarios, scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}}})
		expect.Expect(err).NotTo(HaveOccurred())
		stopped, stop := context.WithCancel(context.Background())
		defer stop()
		go bound[0].Check(stopped)
		synctest.Wait()
		brief, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		outcome := bound[1].Check(brief)
		expect.Expect(string(outcome.Answer)).To(Equal("inconclusive"))
		expect.Expect(outcome.Why).To(ContainSubstring("before its turn came"))
		stop()
		synctest.Wait()
		expect.Expect(string(bound[1].Check(context.Background()).Answer)).To(Equal("pass"), "the one that waited without success has left the queue")
	})
}
