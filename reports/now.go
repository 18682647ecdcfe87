package reports

import (
	"fmt"

	"github.com/needwant/needwant/harness"
)

// Now is what a run under way is doing.
type Now struct {
	Trial *harness.Trial // under way; nil if it is not known
	Tried int            // how many of the destinations that it blocks the device has tried; below 0 if that is not known
	Over  int            // trials that have ended
	Held  *harness.Order // by which no trial begins; nil if there is none
	Kept  bool           // whether some destinations are always blocked
	Left  int            // trials to come, roughly, as [harness.Progress] counts them
}

// Sentence says in one sentence what the run is doing, e.g. "Trial 9 of about 20:
// api.example and 3 others are blocked; waiting for the device to try them, 2 of 4 so
// far". It is the same in a terminal and on a page.
func (n Now) Sentence() string {
	everything := "everything"
	if n.Kept {
		everything = "everything except what is always blocked"
	}
	switch {
	case n.Held != nil && n.Held.Do == harness.Allow:
		return capital(everything) + " is reachable until " + n.Held.Until.Local().Format("15:04") + ", and the run continues then"
	case n.Held != nil:
		return "Paused: " + everything + " is reachable until you resume"
	case n.Trial == nil:
		return "Between two trials: nothing is blocked"
	}
	which := fmt.Sprintf("Trial %d", n.Trial.Number)
	if n.Over > 1 && n.Left > 0 {
		about := "about"
		if n.Left >= harness.MostLeft {
			about = "at least"
		}
		which += fmt.Sprintf(" of %s %d", about, max(n.Trial.Number, n.Over+n.Left))
	}
	return which + ": " + n.doing()
}

func (n Now) doing() string {
	if n.Trial.Control() {
		return "nothing is blocked, to see that everything works"
	}
	them, are, so := "them", "are", ""
	if len(n.Trial.Block) == 1 {
		them, are = "it", "is"
	}
	switch all := len(n.Trial.Block); {
	case n.Tried >= all:
		return fmt.Sprintf("%s %s blocked; the device tried %s, and every scenario is checked", few(n.Trial.Block), are, them)
	case n.Tried >= 0 && all > 1:
		so = fmt.Sprintf(", %d of %d so far", n.Tried, all)
	}
	return fmt.Sprintf("%s %s blocked; waiting for the device to try %s%s", few(n.Trial.Block), are, them, so)
}

// few names one destination of several, and how many others there are.
func few(all []harness.Destination) string {
	name := Clean(HostName(all[0].Name))
	switch len(all) {
	case 1:
		return name
	case 2:
		return name + " and 1 other"
	}
	return fmt.Sprintf("%s and %d others", name, len(all)-1)
}
