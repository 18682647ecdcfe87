package systems

import (
	_ "embed"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness/search"
)

//go:embed periods/periods.csv
var measured string

// Device is a real device, and how often it contacts each of its destinations.
type Device struct {
	Name    string
	Periods []float64 // in seconds
}

// Devices are those of periods/periods.csv.
func Devices() (devices []Device) {
	for i, line := range strings.Split(strings.TrimSpace(measured), "\n") {
		fields := strings.Split(strings.TrimSpace(line), ",")
		period, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if i == 0 || err != nil {
			continue
		}
		if len(devices) == 0 || devices[len(devices)-1].Name != fields[0] {
			devices = append(devices, Device{Name: fields[0]})
		}
		last := &devices[len(devices)-1]
		last.Periods = append(last.Periods, period)
	}
	return devices
}

// Clock is a system that contacts each destination once in a period. A cut makes it fail
// as soon as it has tried all of its members while they are blocked.
type Clock struct {
	System
	Periods []float64 // in seconds
	phases  []float64
}

// Settle is how long a trial goes on after the last destination was tried, and how long
// the device takes to recover, in seconds.
const Settle = 90

// NewClock makes a system of a device's periods, with 0 to 3 required destinations and 0
// to 2 groups of two or three alternatives, as far as it has so many.
func NewClock(device Device, random *rand.Rand) Clock {
	c := Clock{System: System{N: len(device.Periods)}, Periods: device.Periods}
	free := random.Perm(c.N)
	for range min(random.IntN(4), len(free)) {
		c.Cuts = append(c.Cuts, search.Of(free[0]))
		free = free[1:]
	}
	for range random.IntN(3) {
		size := 2 + random.IntN(2)
		if size > len(free) {
			break
		}
		c.Cuts = append(c.Cuts, search.Of(free[:size]...))
		free = free[size:]
	}
	for _, period := range c.Periods {
		c.phases = append(c.phases, random.Float64()*period)
	}
	return c
}

// next is when a destination is contacted for the first time from now on.
func (c Clock) next(x int, now float64) float64 {
	passed := max(0, now-c.phases[x]) / c.Periods[x]
	times := float64(int(passed))
	if times < passed {
		times++
	}
	return c.phases[x] + times*c.Periods[x]
}

// Trial blocks a set from now on, until all of it was tried or the device fails, and says
// when the device has recovered.
func (c Clock) Trial(number int, block search.Set, now float64) (answer search.Answer, end float64) {
	answer = search.Answer{Trial: number, Blocked: block, Touched: block, Attempted: block, Passed: true}
	end = now
	for _, x := range block.Members() {
		end = max(end, c.next(x, now))
	}
	for _, cut := range c.Cuts {
		if !cut.SubsetOf(block) {
			continue
		}
		failed := now
		for _, x := range cut.Members() {
			failed = max(failed, c.next(x, now))
		}
		answer.Passed, end = false, min(end, failed)
	}
	if !answer.Passed {
		var tried []int
		for _, x := range block.Members() {
			if c.next(x, now) <= end {
				tried = append(tried, x)
			}
		}
		answer.Touched = search.Of(tried...)
		answer.Attempted = answer.Touched
	}
	return answer, end + 2*Settle
}

// Progress is how many destinations were decided by when, in seconds.
type Progress struct {
	Ends    []float64 // of each trial
	Decided []int     // by then
	Wrong   bool      // a decision is
}

// At is the share of n destinations that was decided by then.
func (p Progress) At(when float64, n int) float64 {
	decided := 0
	for i, end := range p.Ends {
		if end <= when {
			decided = p.Decided[i]
		}
	}
	return float64(decided) / float64(n)
}

// End is when the last was decided.
func (p Progress) End() float64 {
	last := len(p.Ends) - 1
	if last < 0 {
		return 0
	}
	for last > 0 && p.Decided[last-1] == p.Decided[last] {
		last--
	}
	return p.Ends[last]
}

// Search explains the system on its clock, by cost if the search is told the holds.
func (c Clock) Search(byCost bool) (p Progress) {
	options := search.Options{Exact: true, Quick: true}
	if byCost {
		options.Hold = c.Periods
	}
	var knowledge []search.Answer
	for now := 0.0; len(knowledge) < 2000; {
		q, ok := search.Next(knowledge, c.Order(), nil, options)
		if !ok {
			break
		}
		answer, end := c.Trial(len(knowledge)+1, q.Block, now)
		knowledge, now = append(knowledge, answer), end
		p.Ends = append(p.Ends, end)
		p.Decided = append(p.Decided, c.decided(knowledge, options))
	}
	e := search.Explain(knowledge, c.Order(), options)
	p.Wrong = !c.Right(e) || e.Certified != "exact"
	return p
}

// decided counts the destinations with a verdict, in the tiers that are explained.
func (c Clock) decided(knowledge []search.Answer, options search.Options) (most int) {
	for _, order := range search.Tiers(c.Order(), options) {
		e := search.Explain(search.Within(knowledge, order), order, options)
		n := e.Optional.Len()
		var members search.Set
		for _, cut := range e.Cuts {
			members = members.Union(cut.Members)
		}
		most = max(most, n+members.Len())
	}
	return most
}

// OneByOne holds one destination at a time until it was tried.
func (c Clock) OneByOne() (p Progress) {
	now := 0.0
	for x := range c.N {
		var answer search.Answer
		answer, now = c.Trial(x+1, search.Of(x), now)
		p.Ends, p.Decided = append(p.Ends, now), append(p.Decided, x+1)
		p.Wrong = p.Wrong || answer.Passed && c.needs(x)
	}
	return p
}

// needs reports whether a destination is in a cut.
func (c Clock) needs(x int) bool {
	for _, cut := range c.Cuts {
		if cut.Has(x) {
			return true
		}
	}
	return false
}
