package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/peers"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// driven is how many systems a row gives to Go's bisect, which runs a process
// for every trial.
const driven = 12

// families are the rows of the table.
func families() []systems.Family {
	return []systems.Family{
		{Name: "5 destinations, 1 required", N: 5, Singles: 1},
		{Name: "7, 1 required", N: 7, Singles: 1},
		{Name: "8, 1 required + a group of 2", N: 8, Singles: 1, Groups: []int{2}, Apart: true},
		{Name: "12, 2 required + a group of 3", N: 12, Singles: 2, Groups: []int{3}, Apart: true},
		{Name: "20, 3 required", N: 20, Singles: 3},
		{Name: "60, 3 required", N: 60, Singles: 3},
		{Name: "200, 6 required", N: 200, Singles: 6},
		{Name: "20, 2 required + a group of 4", N: 20, Singles: 2, Groups: []int{4}, Apart: true},
		{Name: "the same, the group side by side", N: 20, Singles: 2, Groups: []int{4}},
		{Name: "60, 2 required + groups of 5 and 2", N: 60, Singles: 2, Groups: []int{5, 2}, Apart: true},
		{Name: "the same, groups side by side", N: 60, Singles: 2, Groups: []int{5, 2}},
		{Name: "20, nothing required", N: 20},
	}
}

// compare prints the median trials of each method. The first control is
// counted for bisect alone, which insists on its own.
func (b bench) compare(ctx context.Context) error {
	scratch, err := os.MkdirTemp("", "benchsearch")
	if err != nil {
		return fmt.Errorf("making room for bisect: %w", err)
	}
	defer os.RemoveAll(scratch)
	bisect, err := peers.BuildBisect(ctx, scratch)
	if err != nil {
		return err
	}
	methods := []struct {
		name   string
		method peers.Method
	}{
		{"one at a time", peers.OneAtATime}, {"ddmin", peers.DeltaDebug},
		{"ProbDD", peers.ProbDD}, {"CDD", peers.CDD},
		{"QuickXplain", peers.QuickXplain}, {"MARCO + QuickXplain", peers.Marco},
	}
	picire, missing := peers.InstallPicire(ctx, filepath.Join(scratch, "picire"))
	if missing != nil {
		fmt.Printf("There is no picire: %v\n\n", missing)
	}
	fmt.Printf("Median trials of %d random systems a row (Go's bisect: %d), and the share of them whose verdicts were wrong.\n\n", b.draws, driven)
	fmt.Print("| family | log2 of the hypotheses | ours: exact / order 2 | exact, mean | by the rules alone, mean |")
	for _, m := range methods {
		fmt.Printf(" %s |", m.name)
	}
	fmt.Printf(" picire | Go's bisect |\n|---|---|---|---|---|%s\n", strings.Repeat("---|", len(methods)+2))
	for _, family := range families() {
		exact := ours(b.draws, family.Draw, search.Options{Exact: true})
		second := ours(b.draws, family.Draw, search.Options{})
		quick := ours(b.draws, family.Draw, search.Options{Exact: true, Quick: true})
		fmt.Printf("| %s | %s | %s / %s | %.1f | %.1f |", family.Name, hypotheses(family), cell(exact), cell(second), exact.mean(), quick.mean())
		for _, m := range methods {
			fmt.Printf(" %s |", cell(b.peer(family, m.method)))
		}
		if missing != nil {
			fmt.Print(" not installed |")
		} else if err := b.picire(ctx, picire, family); err != nil {
			return err
		}
		if family.Singles == 0 {
			fmt.Println(" – |") // bisect refuses a device that does not fail
			continue
		}
		s, err := drive(ctx, bisect, family)
		if err != nil {
			return err
		}
		fmt.Printf(" %s |\n", cell(s))
	}
	fmt.Println()
	return nil
}

func cell(s sample) string {
	text := fmt.Sprintf("%.0f", s.quantile(0.5))
	if s.wrong > 0 {
		text += fmt.Sprintf(", %.0f %% wrong", s.wrongShare())
	}
	return text
}

func (b bench) peer(family systems.Family, method peers.Method) sample {
	return each(b.draws, func(random *rand.Rand) (float64, bool) {
		system := family.Draw(random)
		cuts, trials := peers.Counted(method, system.N, system.Fails)
		return float64(trials), same(cuts, system.Cuts)
	})
}

// picire prints the cell of picire, which gets the systems that all methods get.
func (b bench) picire(ctx context.Context, picire peers.Picire, family systems.Family) error {
	var devices [][]search.Set
	for i := range b.draws {
		devices = append(devices, family.Draw(rand.New(rand.NewPCG(50, uint64(i)))).Cuts)
	}
	found, err := picire.Explain(ctx, family.N, devices)
	if err != nil {
		return err
	}
	var s sample
	for i, f := range found {
		s.values = append(s.values, float64(f.Trials))
		if !same(f.Cuts, devices[i]) {
			s.wrong++
		}
	}
	fmt.Printf(" %s |", cell(s))
	return nil
}

// drive gives Go's bisect the first systems of a family.
func drive(ctx context.Context, bisect peers.Bisect, family systems.Family) (sample, error) {
	var s sample
	for i := range driven {
		system := family.Draw(rand.New(rand.NewPCG(50, uint64(i))))
		cuts, trials, err := bisect.Explain(ctx, system.N, system.Cuts)
		if err != nil {
			return s, err
		}
		s.values = append(s.values, float64(trials))
		if !same(cuts, system.Cuts) {
			s.wrong++
		}
	}
	return s, nil
}

func same(a, b []search.Set) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, search.Set.Compare)
	slices.SortFunc(b, search.Set.Compare)
	return slices.EqualFunc(a, b, search.Set.Equal)
}

// hypotheses is the bits that tell one system of a family from the others.
func hypotheses(f systems.Family) string {
	if len(f.Groups) > 0 && !f.Apart {
		return "" // it depends on where the required ones lie
	}
	bits, free := logChoose(f.N, f.Singles), f.N-f.Singles
	for _, size := range f.Groups {
		bits += logChoose(free, size)
		free -= size
	}
	return fmt.Sprintf("%.1f", bits)
}

// logChoose is log2 of n over k.
func logChoose(n, k int) float64 {
	bits := 0.0
	for i := range k {
		bits += math.Log2(float64(n-i)) - math.Log2(float64(i+1))
	}
	return bits
}
