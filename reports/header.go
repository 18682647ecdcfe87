package reports

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// subject names the device: "s50 (roborock.vacuum.s5), firmware 3.5.8", "s50" if its model is
// not known, or "simulated device s50 (roborock.vacuum.s5)".
func (r reading) subject() string {
	d := r.Device
	subject := cmp.Or(d.Model, d.Name, "a device of unknown model")
	if d.Name != "" && d.Name != subject {
		subject = fmt.Sprintf("%s (%s)", d.Name, subject)
	}
	if d.Firmware != "" {
		subject += ", firmware " + d.Firmware
	}
	if r.Run.Simulated {
		return "simulated device " + subject
	}
	return subject
}

// effort is what the experiment took: "21 trials and 3 controls in 24.2 s".
func (r reading) effort() string {
	effort := fmt.Sprintf("%s and %s in %s", count(r.Run.Trials, "trial"), count(r.Run.Controls, "control"), lasting(r.Run.Duration))
	if r.Run.Lanes > 1 {
		effort += fmt.Sprintf(" on %d lanes", r.Run.Lanes)
	}
	return effort
}

// state is how the experiment ended, and whether anything is open.
func (r reading) state() string {
	state := ending(r.Run.Status)
	if why := strings.TrimSuffix(r.Run.Why, "."); why != "" {
		state += ": " + why
	}
	switch open, all := r.open(); {
	case all == 0:
		state += "; nothing was judged"
	case open == 0:
		state += "; every cell is decided"
	default:
		state += fmt.Sprintf("; %d of %s open", open, count(all, "cell"))
	}
	if len(r.Run.Always) > 0 {
		state += "; always blocked: " + r.always()
	}
	return state
}

// always names what the run blocked in every trial.
func (r reading) always() string { return enumerate(each(r.Run.Always, harness.Pattern.String)) }

func ending(status harness.Status) string {
	switch status {
	case harness.OverBudget:
		return "stopped at its budget"
	case harness.Failed:
		return "failed with nothing blocked"
	case harness.Running:
		return "still running, or cut short"
	}
	return string(status)
}

// lasting writes seconds for people: "1.6 s", "2 min 5 s", "3 h 20 min".
func lasting(seconds float64) string {
	return span.Words(time.Duration(seconds * float64(time.Second)))
}
