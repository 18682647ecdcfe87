package gateway

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// mostRows limits the destinations that a gateway shows in its life.
const mostRows = harness.MostDestinations

// rows are the destinations that a gateway has shown, or was asked to block.
type rows map[harness.Destination]bool

// add makes destinations rows, however many there are.
func (r rows) add(destinations ...harness.Destination) {
	for _, d := range destinations {
		r[d] = true
	}
}

// admit returns the contacts whose destinations are rows, and makes rows of the others
// while there is room: of names first, then of what was tried most often. What is left
// is not tested.
func (r rows) admit(contacts []harness.Contact) (admitted []harness.Contact, left []harness.Untested) {
	likely := slices.Clone(contacts)
	slices.SortStableFunc(likely, func(a, b harness.Contact) int {
		return cmp.Or(cmp.Compare(min(1, len(b.Named)), min(1, len(a.Named))), cmp.Compare(b.Tries, a.Tries))
	})
	for _, contact := range likely {
		if len(r) < mostRows {
			r.add(contact.Destination)
		}
	}
	admitted = []harness.Contact{}
	for _, contact := range contacts {
		if r[contact.Destination] {
			admitted = append(admitted, contact)
			continue
		}
		for _, to := range contact.Addresses {
			one := leftOut(contact.Destination.Protocol, to)
			one.Packets = max(1, contact.Tries)
			left = append(left, one)
		}
	}
	return admitted, left
}

// leftOut is what a report says of a contact with one destination too many.
func leftOut(protocol string, to netip.Addr) harness.Untested {
	return harness.Untested{What: fmt.Sprintf("%s beyond %d destinations", strings.ToUpper(protocol), mostRows), To: to.Unmap()}
}
