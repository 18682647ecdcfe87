package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// soakPage shows a policy that is held for long on a page. The zero value, and nil, show
// nothing.
type soakPage struct {
	page   *webPage
	report func() reports.Report // of the run that proposed the policy
	soak   harness.Soak

	what  string        // is held; "" before
	trial harness.Trial // that holds it
	until time.Time
}

// newSoakPage shows on a page that everything is checked with nothing blocked first. It
// returns nil if there is no page.
func newSoakPage(on *webPage, run harness.Run, soak harness.Soak) *soakPage {
	if on == nil {
		return nil
	}
	s := &soakPage{page: on, soak: soak, report: sync.OnceValue(func() reports.Report { return reports.NewReport(run, harness.Judge(run)) })}
	s.show("Nothing is blocked: everything must work like that first")
	return s
}

// hold shows that a policy is held from now on, by this trial.
func (s *soakPage) hold(kind policy.Kind, trial harness.Trial) {
	if s == nil {
		return
	}
	s.what, s.trial, s.until = soaking(kind, len(trial.Block)), trial, time.Now().Add(s.soak.For)
	s.show(s.what)
}

// soaking says what a policy blocks.
func soaking(kind policy.Kind, blocked int) string {
	what, are := "destinations", "are"
	if blocked == 1 {
		what, are = "destination", "is"
	}
	more := ""
	if kind == policy.AllowRequired {
		more, are = " and everything that was never seen", "are"
	}
	return fmt.Sprintf("%d %s%s %s blocked (%s)", blocked, what, more, are, kind)
}

// round shows what a round of checks came to.
func (s *soakPage) round(number int, came string) {
	if s != nil {
		s.show(fmt.Sprintf("%s; round %d of checks: %s", s.what, number, strings.Join(strings.Fields(came), " ")))
	}
}

func (s *soakPage) show(now string) {
	live := reports.Live{Now: now, Blocked: s.trial.Block, StandIns: s.trial.StandIns, Orders: []harness.Do{harness.Stop}, Soak: true}
	if !s.until.IsZero() {
		live.Left = "It is held until " + s.until.Local().Format("2006-01-02 15:04")
	}
	s.page.put(page.Content{Report: s.report, Live: live})
}

// obey calls stop once a person orders on the page that the verification stops. It does so
// until the function that it returns is called.
func (s *soakPage) obey(stop func()) (end func()) {
	if s == nil {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			case order := <-s.page.orders():
				if order.Do == harness.Stop {
					stop()
				}
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
