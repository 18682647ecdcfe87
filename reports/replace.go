package reports

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness"
)

// orKinds is ", or ntp", or "" for none.
func orKinds(kinds []harness.StandIn) string {
	if len(kinds) == 0 {
		return ""
	}
	return ", or " + enumerate(each(kinds, func(k harness.StandIn) string { return string(k) }))
}

// replaceable lists what can replace anything in the table.
func (r reading) replaceable() (kinds []harness.StandIn) {
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			kinds = append(kinds, cell.Replaceable...)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// orOwn is ", or your own time server (by its name)", or "" for none.
func orOwn(kinds []harness.StandIn, by harness.Way) string {
	if len(kinds) == 0 {
		return ""
	}
	switch by {
	case harness.WayOption:
		return ", or " + own(kinds) + " (by DHCP option 42)"
	case harness.WayName:
		return ", or " + own(kinds) + " (by its name)"
	case harness.WayRedirect:
		return ", or " + own(kinds) + " (by redirection)"
	}
	return ", or " + own(kinds) // a run that did not look for the way
}

// own is "your own time server and your own answer to pings".
func own(kinds []harness.StandIn) string { return enumerate(each(kinds, harness.StandIn.Own)) }

// replacing says what its owner may have instead of a need: ", or your own time server"; ""
// if not all of it can be replaced.
func (r reading) replacing(need Need) string {
	var kinds []harness.StandIn
	ways := harness.Ways()
	for _, cut := range r.Cuts {
		if !slices.Contains(need.Cuts, cut.ID) {
			continue
		}
		if len(cut.Replaceable) == 0 {
			return ""
		}
		kinds = append(kinds, cut.Replaceable...)
		ways = slices.DeleteFunc(ways, func(way harness.Way) bool { return !slices.Contains(cut.Ways, way) })
	}
	slices.Sort(kinds)
	return orOwn(slices.Compact(kinds), reached(ways).By)
}

// insecure says that the device takes strangers for its servers; "" if it was not seen to.
func (r reading) insecure() string {
	if len(r.Unverified) == 0 {
		return ""
	}
	var trials []int
	hosts := each(r.Unverified, func(u Unverified) string {
		trials = append(trials, u.Trials...)
		return HostName(u.Destination.Name)
	})
	slices.Sort(trials)
	const most = 4
	if more := len(hosts) - most; more > 0 {
		hosts = append(hosts[:most:most], number(more)+" more")
	}
	return fmt.Sprintf("Security: it accepts an unknown certificate for %s, so that anybody on the way can read and change this traffic (%s).",
		enumerate(hosts), inTrials(slices.Compact(trials)))
}
