package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
)

// chaosEntry is the name under which a spec reports what it came to.
const chaosEntry = "chaos"

// outcome is what one ordeal came to.
type outcome struct {
	Kind, Placement, Came string
	Took                  time.Duration
}

// The table of docs/promises.md is written to .cache/chaos.md.
var _ = ReportAfterSuite("the table of what was broken", func(report Report) {
	byKind := map[string][]outcome{}
	for _, spec := range report.SpecReports {
		for _, entry := range spec.ReportEntries {
			if o, ok := outcomeIn(entry); ok {
				byKind[o.Kind] = append(byKind[o.Kind], o)
			}
		}
	}
	if len(byKind) == 0 {
		return
	}
	table := chaosTable(byKind)
	Expect(os.MkdirAll("../../.cache", 0o755)).To(Succeed())
	Expect(os.WriteFile("../../.cache/chaos.md", []byte(table), 0o644)).To(Succeed())
	fmt.Println(table)
})

// outcomeIn reads what a spec has reported: as a value from this process, as JSON
// from others.
func outcomeIn(entry types.ReportEntry) (o outcome, ok bool) {
	if entry.Name != chaosEntry {
		return outcome{}, false
	}
	if o, ok := entry.GetRawValue().(outcome); ok {
		return o, true
	}
	err := json.Unmarshal([]byte(entry.Value.AsJSON), &o)
	return o, err == nil
}

func chaosTable(byKind map[string][]outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| what was broken | times | %s | %s | %s | %s | longest until the end |\n|---|---|---|---|---|---|---|\n", trueMatrix, leftOpen, withReason, wrongOrStuck)
	var all []outcome
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		chaosRow(&b, kind, byKind[kind])
		all = append(all, byKind[kind]...)
	}
	chaosRow(&b, "all", all)
	return b.String()
}

func chaosRow(b *strings.Builder, name string, outcomes []outcome) {
	count := map[string]int{}
	var longest time.Duration
	for _, o := range outcomes {
		count[o.Came]++
		longest = max(longest, o.Took)
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %.0f s |\n", name, len(outcomes), count[trueMatrix], count[leftOpen], count[withReason], count[wrongOrStuck], longest.Seconds())
}
