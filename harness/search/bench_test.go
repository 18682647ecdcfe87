package search_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// BenchmarkNext plans each question of a search again. A question of a row takes ms/question on
// average.
func BenchmarkNext(b *testing.B) {
	for _, family := range []systems.Family{
		{Name: "20, 3 required", N: 20, Singles: 3},
		{Name: "60, 3 required", N: 60, Singles: 3},
		{Name: "20, 2 required + a group of 4", N: 20, Singles: 2, Groups: []int{4}, Apart: true},
		{Name: "60, 2 required + groups of 5 and 2", N: 60, Singles: 2, Groups: []int{5, 2}, Apart: true},
		{Name: "10, 1 required + 2 of 4 needed", N: 10, Singles: 1, Groups: []int{4}, Needed: 2, Apart: true},
	} {
		b.Run(family.Name, func(b *testing.B) {
			system, options := family.Draw(rand.New(rand.NewPCG(50, 0))), search.Options{Exact: true}
			journal := systems.Experiment{System: system, Options: options}.Run().Knowledge
			for b.Loop() {
				for i := range journal {
					search.Next(journal[:i], system.Order(), nil, options)
				}
			}
			perQuestion := b.Elapsed() / time.Duration(b.N*len(journal))
			b.ReportMetric(perQuestion.Seconds()*1000, "ms/question")
		})
	}
}
