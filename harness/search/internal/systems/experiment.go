package systems

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness/search"
)

// Experiment searches a system as the harness searches a device.
type Experiment struct {
	System    System
	Options   search.Options
	Lanes     int        // 0 stands for 1
	FalseFail float64    // share of trials that should pass but fail
	FalsePass float64    // share of trials that should fail but pass
	Touches   bool       // a failure tells what the device ran into, not all that was blocked
	Most      int        // trials after which to give up; 0 stands for 2,000
	Random    *rand.Rand // of noise, touches and durations; may be nil where none is wanted
}

// Outcome is what came of an experiment.
type Outcome struct {
	Knowledge   []search.Answer
	Explanation search.Explanation
	Trials      int             // begun, those that were given up included
	Implied     int             // trials that were given up, since others answered them
	Time        float64         // in trials: one trial takes 1 to 1.2
	Idle        float64         // share of the time of the lanes in which they had nothing to do
	Planning    []time.Duration // processor time of each question
}

// running is a trial that occupies a lane.
type running struct {
	question     search.Question
	begins, ends float64
}

// Run asks and answers until the search is done.
func (e Experiment) Run() Outcome {
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	var out Outcome
	var busy []running
	worked := 0.0 // by all lanes
	order := e.System.Order()
	most := e.Most
	if most == 0 {
		most = 2000
	}
	for out.Trials < most {
		for len(busy) < max(1, e.Lanes) {
			began := processorTime()
			q, ok := search.Next(out.Knowledge, order, blocks(busy), e.Options)
			out.Planning = append(out.Planning, processorTime()-began)
			if !ok {
				break
			}
			out.Trials++
			busy = append(busy, running{q, out.Time, out.Time + e.duration()})
		}
		if len(busy) == 0 {
			break
		}
		ended := e.finish(&busy, &out.Knowledge)
		out.Time, worked = ended.ends, worked+ended.ends-ended.begins
		busy = slices.DeleteFunc(busy, func(r running) bool {
			implied := search.Settled(out.Knowledge, order, r.question.Block, e.Options)
			if implied {
				out.Implied, worked = out.Implied+1, worked+out.Time-r.begins
			}
			return implied
		})
		if len(busy) == 0 {
			continue
		}
		if _, more := search.Next(out.Knowledge, order, nil, e.Options); !more {
			break // what is still in flight was speculation
		}
	}
	for _, r := range busy {
		worked += out.Time - r.begins
	}
	out.Idle = max(0, 1-worked/max(out.Time, 1)/float64(max(1, e.Lanes)))
	out.Explanation = search.Explain(out.Knowledge, order, e.Options)
	return out
}

// processorTime is what this thread has used so far, so that other programs do not count.
func processorTime() time.Duration {
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Nano())
}

// finish ends the trial that is done first and writes down its answer.
func (e Experiment) finish(busy *[]running, knowledge *[]search.Answer) running {
	first := 0
	for i, r := range *busy {
		if r.ends < (*busy)[first].ends {
			first = i
		}
	}
	r := (*busy)[first]
	*busy = slices.Delete(*busy, first, first+1)
	*knowledge = append(*knowledge, e.answer(len(*knowledge)+1, r.question.Block))
	return r
}

func (e Experiment) answer(trial int, block search.Set) search.Answer {
	answer := search.Answer{Trial: trial, Blocked: block, Touched: block, Attempted: block}
	answer.Passed = !e.System.Fails(block)
	switch {
	case answer.Passed && e.chance(e.FalseFail), !answer.Passed && e.chance(e.FalsePass):
		answer.Passed = !answer.Passed
	case !answer.Passed && e.Touches:
		answer.Touched = e.touched(block)
	}
	return answer
}

// touched is a cut inside the block and whatever else the device ran into.
func (e Experiment) touched(block search.Set) search.Set {
	at := slices.IndexFunc(e.System.Cuts, func(cut search.Set) bool { return cut.SubsetOf(block) })
	touched := e.System.Cuts[at]
	for _, x := range block.Members() {
		if e.chance(0.5) {
			touched = touched.With(x)
		}
	}
	return touched
}

func (e Experiment) chance(share float64) bool { return share > 0 && e.Random.Float64() < share }

func (e Experiment) duration() float64 {
	if e.Random == nil {
		return 1
	}
	return 1 + 0.2*e.Random.Float64()
}

func blocks(busy []running) []search.Set {
	var sets []search.Set
	for _, r := range busy {
		sets = append(sets, r.question.Block)
	}
	return sets
}

// Right reports whether an explanation lists just the cuts of the system.
func (s System) Right(e search.Explanation) bool {
	return len(e.Cuts) == len(s.Cuts) && s.Sound(e)
}

// Sound reports whether each cut that an explanation lists is one.
func (s System) Sound(e search.Explanation) bool {
	return !slices.ContainsFunc(e.Cuts, func(c search.Cut) bool {
		return !slices.ContainsFunc(s.Cuts, c.Members.Equal)
	})
}
