package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
)

// Live is what the page of a run under way shows besides its report.
type Live struct {
	Now     string                // what happens now, in one sentence: [Now.Sentence]
	Left    string                // how long it has lasted, and what remains
	Over    int                   // trials that have ended
	All     int                   // trials in all, roughly; 0 if that is not known
	Blocked []harness.Destination // now
	Tried   []harness.Destination // those of Blocked that the device ran into
	Seen    []harness.Destination // contacted since the trial under way began, and perhaps in no row yet
	// StandIns are what answers now instead of some of Blocked.
	StandIns map[harness.Destination]harness.StandIn
	Ended    bool                  // nothing happens any more
	Kept     []harness.Destination // those that a person ordered to keep reachable
	Held     bool                  // everything is reachable until the run is resumed
	Soak     bool                  // a policy is held for long: there are no trials, and stopping ends it at once
	Ask      *Ask                  // the question that waits for a person; nil if there is none
	Orders   []harness.Do          // what may be ordered now; none on a page that only shows
	Listed   bool                  // the page is one of a list, at "../../": [RunsHTML]
}

// Ask is a question to a person.
type Ask struct {
	ID      string
	Text    string
	Choices []Choice
	Until   time.Time // when it is over; zero if it waits for ever
	Picture bool      // there is one, at "picture/" and the ID
}

// Choice is an answer to a question; no choices take any words.
type Choice struct{ Answer, Label string }

// Order is a button of the live page.
type order struct {
	Do    harness.Do
	Label string
}

var orderLabels = map[harness.Do]string{
	harness.Pause:  "Pause: everything reachable",
	harness.Allow:  "Allow everything for 10 minutes",
	harness.Resume: "Resume",
	harness.Skip:   "Skip this trial",
	harness.Stop:   "Stop after this trial",
}

// label is the text of an order's button.
func (l Live) label(do harness.Do) string {
	if l.Soak && do == harness.Stop {
		return "Stop: everything reachable"
	}
	return orderLabels[do]
}

// livePage is what the template of the live page is filled with.
type livePage struct {
	page
	Live
	Drawing drawing
	Buttons []order
}

// LiveHTML writes the page of a run under way. It needs the style sheet "style.css" and
// the script "page.js" next to it, and is whole without the script: see [LiveFile].
func LiveHTML(w io.Writer, r Report, live Live) error {
	p := livePage{page: newPage(r, ""), Live: live}
	buttons := slices.DeleteFunc(slices.Clone(live.Orders), func(do harness.Do) bool { return do == harness.Keep })
	p.Buttons = each(buttons, func(do harness.Do) order { return order{do, live.label(do)} })
	p.Drawing = live.drawing(r)
	p.Drawing.MayKeep = len(buttons) < len(live.Orders)
	return writePage(w, "live.html", p)
}

// LiveFile returns a file that the live page needs: "style.css" or "page.js".
func LiveFile(name string) ([]byte, error) {
	if name != "style.css" {
		return pageFile("page/live.js")
	}
	shared, err := pageFile("page/style.css")
	if err != nil {
		return nil, err
	}
	own, err := pageFile("page/live.css")
	return append(shared, own...), err
}

func pageFile(name string) ([]byte, error) {
	content, err := pageFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading a file of the page: %w", err)
	}
	return content, nil
}

// drawing shows what the device can reach now, what is blocked first.
func (l Live) drawing(r Report) drawing {
	states := map[harness.Destination]string{}
	for _, d := range l.Blocked {
		states[d] = "cut"
	}
	for _, d := range l.Tried {
		states[d] = "tried"
	}
	for d := range l.StandIns {
		states[d] = "own"
	}
	for _, d := range l.Kept {
		states[d] = "kept"
	}
	words := map[string]string{"kept": "kept reachable", "cut": "blocked", "tried": "blocked, and tried", "": "reachable"}
	drawn := drawing{From: cmp.Or(r.Device.Name, "the device"), Via: "needwant"}
	for _, d := range l.Blocked {
		switch state := states[d]; state {
		case "kept":
		case "own":
			drawn.add(d, state, l.StandIns[d].Own()+" instead")
		default:
			drawn.add(d, state, words[state])
		}
	}
	reachable := slices.Clone(l.Seen)
	for _, row := range r.Rows {
		reachable = append(slices.DeleteFunc(reachable, func(d harness.Destination) bool { return d == row.Destination.ID }), row.Destination.ID)
	}
	for _, d := range reachable {
		switch state := states[d]; state {
		case "", "kept":
			drawn.add(d, cmp.Or(state, "open"), words[state])
		}
	}
	return drawn
}
