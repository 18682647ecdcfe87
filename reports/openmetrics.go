package reports

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness"
)

// OpenMetrics writes gauges that a monitoring system can watch, as
// needwant_required{device="roborock.vacuum.s5",destination="udp/123/pool.ntp.org",scenario="native_app",regime="steady"} 1.
// Cells that are open have no needwant_required, as neither 0 nor 1 would be
// true; needwant_verdict has a sample for each cell. Where a run has several
// faults, samples have a fault label too. The names are those of
// github.com/OpenObservability/OpenMetrics, 1.0; every family is a gauge, which
// the older text format of Prometheus reads as well.
func OpenMetrics(w io.Writer, m Matrix) error {
	out := bufio.NewWriter(w)
	for _, f := range read(m).metrics() {
		fmt.Fprintf(out, "# TYPE %s gauge\n", f.name)
		if f.unit != "" {
			fmt.Fprintf(out, "# UNIT %s %s\n", f.name, f.unit)
		}
		fmt.Fprintf(out, "# HELP %s %s\n", f.name, f.help)
		for _, s := range f.samples {
			fmt.Fprintf(out, "%s{%s} %s\n", f.name, s.labels, strconv.FormatFloat(s.value, 'f', -1, 64))
		}
	}
	fmt.Fprintln(out, "# EOF")
	return out.Flush()
}

// family is a metric with its samples, which differ in their labels.
type family struct {
	name, unit, help string
	samples          []metric
}

type metric struct {
	labels string
	value  float64
}

// metrics are the families that have samples.
func (r reading) metrics() []family {
	device := labels("device", cmp.Or(r.Device.Model, r.Device.Name))
	one := func(value float64) []metric { return []metric{{device, value}} }
	all := []family{
		{"needwant_required", "", "Whether the scenario breaks without the destination.", r.perCell(required)},
		{"needwant_verdict", "", "1 for the verdict on the destination.", r.perCell(verdict)},
		{"needwant_confidence_ratio", "ratio", "The probability that the verdict is right.", r.perCell(confidence)},
		{"needwant_cells", "", "How many cells have the verdict.", r.perVerdict(device)},
		{"needwant_run_status", "", "1 for how the run ended.", []metric{{device + "," + labels("status", string(r.Run.Status)), 1}}},
		{"needwant_run_result", "", "1 for the result in plain words.", []metric{{device + "," + labels("result", r.sentence()), 1}}},
		{"needwant_run_simulated", "", "Whether the device is simulated, so that the verdicts describe a world of the lab.", one(truth(r.Run.Simulated))},
		{"needwant_run_always_blocked", "", "1 for each pattern of what was blocked in every trial.", each(r.Run.Always, func(p harness.Pattern) metric {
			return metric{device + "," + labels("pattern", p.String()), 1}
		})},
		{"needwant_run_trials", "", "Trials that blocked something.", one(float64(r.Run.Trials))},
		{"needwant_run_controls", "", "Trials that blocked nothing.", one(float64(r.Run.Controls))},
		{"needwant_run_duration_seconds", "seconds", "How long the run took.", one(r.Run.Duration)},
		{"needwant_run_horizon_seconds", "seconds", "How long the longest block was held.", one(r.Run.Horizon)},
	}
	if !r.Run.Started.IsZero() {
		all = append(all, family{"needwant_run_started_timestamp_seconds", "seconds", "When the run began.", one(float64(r.Run.Started.UnixMilli()) / 1000)})
	}
	return slices.DeleteFunc(all, func(f family) bool { return len(f.samples) == 0 })
}

// perCell samples each cell of the matrix; sample tells what labels to add, and
// ok = false if there is nothing to say.
func (r reading) perCell(sample func(Cell) (added string, value float64, ok bool)) []metric {
	faults := distinct(r.Columns, func(c Column) string { return string(c.Fault) })
	var samples []metric
	for _, row := range r.Rows {
		for _, column := range r.Columns {
			added, value, ok := sample(row.Cells[column.ID])
			if !ok {
				continue
			}
			pairs := []string{"device", cmp.Or(r.Device.Model, r.Device.Name), "destination", row.Destination.ID.String(),
				"scenario", column.Scenario, "regime", string(column.Regime)}
			if len(faults) > 1 {
				pairs = append(pairs, "fault", string(column.Fault))
			}
			samples = append(samples, metric{labels(pairs...) + added, value})
		}
	}
	return samples
}

func required(cell Cell) (string, float64, bool) {
	if cell.Verdict == harness.Required {
		return "", 1, true
	}
	return "", 0, !cell.Open()
}

func verdict(cell Cell) (string, float64, bool) {
	return "," + labels("verdict", string(cell.Verdict)), 1, true
}

func confidence(cell Cell) (string, float64, bool) {
	return "", cell.Confidence, !cell.Open()
}

func (r reading) perVerdict(device string) []metric {
	return each(verdicts(), func(s sign) metric {
		return metric{device + "," + labels("verdict", string(s.Verdict)), float64(r.tally(s.Verdict))}
	})
}

// truth is 1 for true and 0 for false.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// tally counts the cells of one verdict.
func (r reading) tally(verdict harness.Verdict) int {
	n := 0
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			if cell.Verdict == verdict {
				n++
			}
		}
	}
	return n
}

// labels writes names and values in turn, as in a="b",c="d".
func labels(pairs ...string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var words []string
	for pair := range slices.Chunk(pairs, 2) {
		words = append(words, fmt.Sprintf(`%s="%s"`, pair[0], escaped.Replace(Clean(pair[1]))))
	}
	return strings.Join(words, ",")
}
