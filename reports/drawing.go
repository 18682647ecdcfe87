package reports

import "github.com/needwant/needwant/harness"

// drawing is a device, what its packets go through, and the destinations behind that.
type drawing struct {
	From, Via string
	Ends      []end
	More      int  // destinations that are not named
	MayKeep   bool // each destination has a button that keeps it reachable
}

// end is a destination in a drawing.
type end struct {
	ID      harness.Destination
	Name    []string
	Service string
	State   string // its class in the style sheet
	Words   string
}

// mostEnds is how many destinations a drawing names.
const mostEnds = 40

func (d *drawing) add(to harness.Destination, state, words string) {
	if len(d.Ends) == mostEnds {
		d.More++
		return
	}
	m := drawn(to)
	d.Ends = append(d.Ends, end{to, m.Name, m.Service, state, words})
}
