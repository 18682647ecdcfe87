package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// bench holds how much is measured.
type bench struct {
	draws int // systems in each row
}

// sample is one number per system, and how many systems were explained wrongly.
type sample struct {
	values []float64
	wrong  int
}

func (s sample) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s.values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (s sample) mean() float64 {
	sum := 0.0
	for _, value := range s.values {
		sum += value
	}
	return sum / float64(len(s.values))
}

// deviation is the standard deviation.
func (s sample) deviation() float64 {
	mean, sum := s.mean(), 0.0
	for _, value := range s.values {
		sum += (value - mean) * (value - mean)
	}
	return math.Sqrt(sum / float64(max(1, len(s.values)-1)))
}

func (s sample) wrongShare() float64 { return 100 * float64(s.wrong) / float64(len(s.values)) }

// each measures systems on all processors. System i is the same in every row
// that draws it from the same family.
func each(draws int, measure func(random *rand.Rand) (value float64, right bool)) sample {
	s := sample{values: make([]float64, draws)}
	var working sync.WaitGroup
	var lock sync.Mutex
	workers := runtime.NumCPU()
	for worker := range workers {
		working.Go(func() {
			for i := worker; i < draws; i += workers {
				value, right := measure(rand.New(rand.NewPCG(50, uint64(i))))
				lock.Lock()
				s.values[i] = value
				if !right {
					s.wrong++
				}
				lock.Unlock()
			}
		})
	}
	working.Wait()
	return s
}

// ours measures the trials of the search.
func ours(draws int, draw func(*rand.Rand) systems.System, options search.Options) sample {
	return each(draws, func(random *rand.Rand) (float64, bool) {
		system := draw(random)
		out := systems.Experiment{System: system, Options: options}.Run()
		return float64(out.Trials), system.Right(out.Explanation)
	})
}

// planning is how long questions took to plan.
type planning struct {
	lock         sync.Mutex
	sum, longest time.Duration
	questions    int
}

func (p *planning) add(out systems.Outcome) {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, took := range out.Planning {
		p.sum += took
		p.longest = max(p.longest, took)
		p.questions++
	}
}
