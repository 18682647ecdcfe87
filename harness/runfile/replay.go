package runfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"time"

	"github.com/needwant/needwant/harness"
)

// replay rebuilds a run from its records.
//
// A run without an end has no duration of its own. It is then taken to have
// lasted as long as its busiest lane was at work, which neither a pause before
// resuming nor a jump of the clock can change.
type replay struct {
	run   harness.Run
	ended time.Duration         // the run's length at its last end
	parts int                   // JSON values so far
	busy  map[int]time.Duration // by lane, since then
}

// add takes the record in. The first must be the run.
func (r *replay) add(rec record) error {
	if r.parts += parts(rec.json); len(rec.json) > mostRecord || r.parts > mostParts {
		return problem(TooLarge, "%d bytes in one record, %d values in all", len(rec.json), r.parts)
	}
	if (r.busy == nil) != (rec.kind == runRecord) {
		return problem(Damaged, "a %s record is out of place", rec.kind)
	}
	switch rec.kind {
	case runRecord:
		return r.begin(rec.json)
	case resultRecord:
		return r.result(rec.json)
	case orderRecord:
		return r.order(rec.json)
	case endRecord:
		return r.end(rec.json)
	}
	return problem(Damaged, "unknown record %q", rec.kind)
}

func (r *replay) begin(text []byte) error {
	r.busy = map[int]time.Duration{}
	err := decode(text, &r.run, func() error { return validRun(r.run) })
	r.run.Results, r.run.Orders = nil, nil
	r.run.Settings.Simulated = simulated(r.run.Settings)
	r.run.Status, r.run.Why, r.run.Duration = harness.Running, "", 0
	return err
}

func (r *replay) result(text []byte) error {
	var result harness.Result
	if err := decode(text, &result, func() error { return CheckResult(r.run, result) }); err != nil {
		return err
	}
	r.busy[result.Lane] += result.Duration
	r.run.Results = append(r.run.Results, result)
	r.run.Status, r.run.Why = harness.Running, ""
	r.run.Duration = r.ended + longest(r.busy)
	return nil
}

func (r *replay) order(text []byte) error {
	var order harness.Order
	if err := decode(text, &order, func() error { return validOrder(order) }); err != nil {
		return err
	}
	r.run.Orders = append(r.run.Orders, order)
	return nil
}

func (r *replay) end(text []byte) error {
	var end ending
	if err := decode(text, &end, func() error { return validEnd(end) }); err != nil {
		return err
	}
	r.run.Status, r.run.Why, r.run.Duration = end.Status, end.Why, end.Duration
	r.ended = end.Duration
	clear(r.busy)
	return nil
}

// parts counts the values of a JSON text, or more: a few bytes of it can become a
// hundred times as many in memory.
func parts(text []byte) int {
	return bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'{'}) + bytes.Count(text, []byte{'['})
}

func longest(busy map[int]time.Duration) (most time.Duration) {
	for _, d := range busy {
		most = max(most, d)
	}
	return most
}

// decode reads a record whose checksum was right, so that a failure means it
// was never one of ours.
func decode(text []byte, into any, valid func() error) error {
	if err := json.Unmarshal(text, into); err != nil {
		return problem(Damaged, "%w", err)
	}
	if err := valid(); err != nil {
		return problem(Damaged, "%w", err)
	}
	return nil
}

// simulatedTexts match the text of a world, and that of a spec that puts a world's
// device behind the gateway. A comment on the line does not matter.
var simulatedTexts = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^[^#\n]*\bkind["']?\s*:\s*["']?World["']?\s*([,}#]|$)`),
	regexp.MustCompile(`(?m)^[^#\n]*\bplacement["']?\s*:\s*["']?lab["']?\s*([,}#]|$)`),
}

// simulated reports whether the device of a run is simulated. Runs of earlier
// versions do not say so themselves.
func simulated(settings harness.Settings) bool {
	for _, text := range simulatedTexts {
		if text.MatchString(settings.Text) {
			return true
		}
	}
	return settings.Simulated
}
