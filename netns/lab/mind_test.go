package lab_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// rounds lets a device contact everything that is active, so many times.
func rounds(m lab.Mind, w lab.World, count int, reach func(id string) bool) {
	for range count {
		for _, id := range w.IDs() {
			if m.Active(id) {
				m.Report(id, reach(id))
			}
		}
	}
}

func everything(string) bool { return true }

func nothing(string) bool { return false }

func allBut(blocked ...string) func(string) bool {
	return func(id string) bool {
		for _, other := range blocked {
			if id == other {
				return false
			}
		}
		return true
	}
}

var _ = Describe("The device's mind", func() {
	It("has no working function while it is starting", func() {
		w := parsed(small)
		m := lab.NewMind(w)
		m.Report("a", true)
		m.Report("b", true)
		Expect(m.Works(lab.Status, everything)).To(BeFalse())
		m.Report("c", false)
		m.Report("c", false)
		Expect(m.Starting()).To(BeTrue())
		m.Report("c", false)
		Expect(m.Starting()).To(BeFalse(), "c has missed patience times")
		Expect(m.Works(lab.Status, everything)).To(BeTrue())
	})

	It("loses a destination after patience misses, and regains it by one success", func() {
		w := parsed(small + "functions: {control: a}\n")
		m := lab.NewMind(w)
		rounds(m, w, 1, everything)
		m.Report("a", false)
		m.Report("a", false)
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		m.Report("a", false)
		Expect(m.Works(lab.Control, everything)).To(BeFalse())
		m.Report("a", true)
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
	})

	It("answers late while its expression does not hold", func() {
		w := parsed(small + "late: {by: 300ms, unless: {status: a}}\n")
		m := lab.NewMind(w)
		rounds(m, w, 3, allBut("a"))
		Expect(m.Late(lab.Status)).To(Equal(300 * time.Millisecond))
		Expect(m.Late(lab.Control)).To(BeZero())
		rounds(m, w, 1, everything)
		Expect(m.Late(lab.Status)).To(BeZero())
	})

	It("leaves a dead server alone whenever it has missed patience times", func() {
		w := parsed(head + `destinations:
  a: {addresses: [192.0.2.1], protocol: tcp, port: 443, sticks: 5s}
`)
		m := lab.NewMind(w)
		var left []time.Duration
		for range 6 {
			m.Report("a", false)
			left = append(left, m.Leaves("a"))
		}
		Expect(left).To(Equal([]time.Duration{0, 0, 5 * time.Second, 0, 0, 5 * time.Second}))
		m.Report("a", true)
		Expect(m.Leaves("a")).To(BeZero())
	})

	// slow is a world with a destination that the device contacts once a day.
	const slow = small + "  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, every: 24h, patience: 2%s}\nfunctions: {control: d}\n"

	It("contacts what is slow often while it starts, and then in its own period", func() {
		w := parsed(fmt.Sprintf(slow, ""))
		Expect(w.Longest()).To(Equal(24 * time.Hour))
		m := lab.NewMind(w)
		Expect(m.Period("d")).To(Equal(w.Tempo.Contact))
		rounds(m, w, 1, allBut("d"))
		Expect([]any{m.Starting(), m.Period("d")}).To(Equal([]any{true, w.Tempo.Contact}))
		rounds(m, w, 1, allBut("d"))
		Expect([]any{m.Starting(), m.Period("d"), m.Period("a")}).To(Equal([]any{false, 24 * time.Hour, w.Tempo.Contact}))
		Expect(m.Works(lab.Control, everything)).To(BeFalse(), "it was missed as often as the device has patience with it")
		m.Report("d", true)
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		m.Report("d", false)
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		m.Report("d", false)
		Expect(m.Works(lab.Control, everything)).To(BeFalse(), "two days later")
	})

	It("does not wait for what it does not contact at its start, and works until that was missed", func() {
		w := parsed(fmt.Sprintf(slow, ", at_start: false"))
		m := lab.NewMind(w)
		Expect(m.Period("d")).To(Equal(24 * time.Hour))
		for _, id := range []string{"a", "b", "c"} {
			m.Report(id, true)
		}
		Expect(m.Starting()).To(BeFalse())
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		m.Report("d", false)
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		m.Report("d", false)
		Expect(m.Works(lab.Control, everything)).To(BeFalse())
	})

	It("never contacts a fallback that is not needed, not even at the start", func() {
		w := library("fallbacks")
		m := lab.NewMind(w)
		for range 10 {
			rounds(m, w, 1, everything)
			Expect([]bool{m.Active("spare"), m.Active("last"), m.Active("backup")}).To(HaveEach(false))
		}
	})

	It("contacts fallbacks when their destinations are lost, and drops them when one is back", func() {
		w := library("fallbacks")
		m := lab.NewMind(w)
		rounds(m, w, 1, everything)
		for range w.Tempo.Patience {
			m.Report("main", false)
		}
		Expect([]bool{m.Active("spare"), m.Active("last"), m.Active("backup")}).To(Equal([]bool{true, true, false}))
		Expect(m.Works(lab.Control, everything)).To(BeFalse(), "nothing reached yet")
		rounds(m, w, 1, allBut("main"))
		Expect([]bool{m.Active("spare"), m.Active("last")}).To(Equal([]bool{true, false}))
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		rounds(m, w, 1, everything)
		Expect(m.Active("spare")).To(BeFalse())
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
	})

	It("keeps what it got at the start from a destination that only the start contacts", func() {
		w := library("boot-only")
		lucky, unlucky := lab.NewMind(w), lab.NewMind(w)
		rounds(lucky, w, w.Tempo.Patience, allBut("time_1"))
		rounds(unlucky, w, w.Tempo.Patience, allBut("time_1", "time_2"))
		for _, m := range []lab.Mind{lucky, unlucky} {
			Expect(m.Starting()).To(BeFalse())
			Expect(m.Active("time_2")).To(BeFalse())
			rounds(m, w, 5, everything)
		}
		Expect(lucky.Works(lab.Control, everything)).To(BeTrue())
		Expect(unlucky.Works(lab.Control, everything)).To(BeFalse())
		Expect(unlucky.Works(lab.Status, everything)).To(BeTrue())
	})

	It("lets a call contact what only the call contacts", func() {
		w := parsed(small + "  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, when: use:control}\nfunctions: {control: a && d, status: a}\n")
		m := lab.NewMind(w)
		rounds(m, w, 1, everything)
		Expect(m.Active("d")).To(BeFalse())
		Expect(m.Works(lab.Control, everything)).To(BeTrue())
		Expect(m.Works(lab.Control, allBut("d"))).To(BeFalse())
		Expect(m.Works(lab.Status, nothing)).To(BeTrue())
	})

	It("comes to what its expressions say, for random worlds and blocked sets", func() {
		for seed := range uint64(100) {
			w := labtest.Random(seed)
			draw := rand.New(rand.NewPCG(seed, 2))
			m := lab.NewMind(w)
			rounds(m, w, 1, everything)
			for range 10 {
				var blocked, ids []string
				for _, id := range w.IDs() {
					if draw.IntN(2) == 0 {
						blocked, ids = append(blocked, id), append(ids, w.Destinations[id].ID())
					}
				}
				rounds(m, w, w.Tempo.Patience+1, allBut(blocked...))
				for _, function := range []string{lab.Status, lab.Control} {
					expected, err := labtest.Works(w, function, labtest.Steady, ids...)
					Expect(err).NotTo(HaveOccurred())
					Expect(m.Works(function, everything)).To(Equal(expected), "seed %d, %s, blocked %v\n%s", seed, function, blocked, w.Text())
				}
			}
		}
	})
})

// TestDuty is no Ginkgo spec: synctest needs the T of its own test.
func TestDuty(t *testing.T) {
	world, err := lab.Parse("spec.yaml", []byte(small+"functions: {control: a}\nduty: {up: 60s, down: 6m}\n"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		m := lab.NewMind(world)
		rounds(m, world, 1, everything)
		<-time.After(time.Hour)
		rounds(m, world, world.Tempo.Patience, allBut("a"))
		begin := time.Now()
		for _, moment := range []struct {
			after time.Duration
			works bool
		}{{0, true}, {59 * time.Second, true}, {61 * time.Second, false}, {419 * time.Second, false}, {421 * time.Second, true}, {481 * time.Second, false}} {
			<-time.After(moment.after - time.Since(begin))
			if works := m.Works(lab.Control, everything); works != moment.works {
				t.Errorf("after %s: works is %t", moment.after, works)
			}
		}
		rounds(m, world, 1, everything)
		if !m.Works(lab.Control, everything) {
			t.Error("it does not work although its need is met")
		}
		rounds(m, world, world.Tempo.Patience, allBut("a"))
		<-time.After(59 * time.Second)
		if !m.Works(lab.Control, everything) {
			t.Error("one brief moment with what it needs does not start the cycle again")
		}
	})
}

var _ = Describe("Noise", func() {
	It("ignores the given part of the requests, the same ones for the same seed", func() {
		noise := lab.Noise{Deaf: 0.2}
		ignored := 0
		for nth := range uint64(10000) {
			Expect(noise.Ignores(7, nth)).To(Equal(noise.Ignores(7, nth)))
			if noise.Ignores(7, nth) {
				ignored++
			}
		}
		Expect(ignored).To(BeNumerically("~", 2000, 200))
		Expect(lab.Noise{}.Ignores(7, 1)).To(BeFalse())
	})

	It("has spells that begin with a period and last as long as they should", func() {
		noise := lab.Noise{Spell: lab.Spell{Chance: 0.3, Every: 2 * time.Second, For: time.Second}}
		spells := 0
		for period := range 1000 {
			begin := time.Duration(period) * noise.Spell.Every
			during := noise.In(7, begin)
			if during {
				spells++
			}
			Expect(noise.In(7, begin+999*time.Millisecond)).To(Equal(during))
			Expect(noise.In(7, begin+time.Second)).To(BeFalse())
		}
		Expect(spells).To(BeNumerically("~", 300, 60))
	})

	It("has spells that outlast their period", func() {
		noise := lab.Noise{Spell: lab.Spell{Chance: 1, Every: time.Second, For: 90 * time.Minute}}
		Expect(noise.In(7, time.Hour)).To(BeTrue())
	})
})
