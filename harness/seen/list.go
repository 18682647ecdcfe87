package seen

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
)

// List is what data shows of one device. As JSON it is a .seen file.
type List struct {
	APIVersion string   `json:"apiVersion"` // "needwant/v1"
	Kind       string   `json:"kind"`       // "Seen"
	Device     Device   `json:"device"`
	Sources    []Source `json:"sources"`
	Rows       []Row    `json:"rows"`               // in the order of [harness.Destination.Compare]; those without a port last
	LeftOut    int      `json:"left_out,omitempty"` // destinations beyond [harness.MostDestinations], which were seen least often
}

const (
	apiVersion = "needwant/v1"
	kind       = "Seen"
)

// Device is the device as the data has it.
type Device struct {
	Addresses []netip.Addr `json:"addresses"`
	MAC       string       `json:"mac,omitempty"`
	Name      string       `json:"name,omitempty"`
}

// String names the device: by its name, its first address, or its MAC address.
func (d Device) String() string {
	switch {
	case d.Name != "":
		return d.Name
	case len(d.Addresses) > 0:
		return d.Addresses[0].String()
	case d.MAC != "":
		return d.MAC
	}
	return "the device"
}

// Source is one file that was read.
type Source struct {
	File    string   `json:"file"`
	Formats []string `json:"formats"`
	Records int      `json:"records"`                 // packets, lines or database rows of any device that were read
	Skipped int      `json:"skipped,omitempty"`       // lines and packets that do not say what a device contacts, e.g. of other programs
	Cannot  []string `json:"cannot,omitempty"`        // what these formats cannot show, a sentence each
	Damaged int      `json:"damaged,omitempty"`       // lines that are cut off, for example because the log overflowed
	First   int      `json:"first_damaged,omitempty"` // the number of the first one, from 1
}

// Row is one destination. ID is that of a [harness.Destination], or dns/NAME if only
// DNS queries for the name were seen: such data has no ports.
type Row struct {
	ID        string       `json:"id"`
	Addresses []netip.Addr `json:"addresses"`
	Named     string       `json:"named,omitempty"` // how the name is known: "dns", "tls", or "log" if the log states it; "" if there is none
	Contacts  int          `json:"contacts"`        // connections, and exchanges of datagrams, that the device began
	Queries   int          `json:"queries"`         // DNS queries for the name
	Bytes     uint64       `json:"bytes"`           // in both directions, as far as the data has them
	First     time.Time    `json:"first,omitzero"`  // zero if the data has no dates
	Last      time.Time    `json:"last,omitzero"`
	Quiet     float64      `json:"quiet_s,omitempty"` // the longest time between two contacts, in seconds
}

// nameOnly begins the ID of a name of which no port is known.
const nameOnly = "dns/"

// Destination returns the row's destination; ok is false if its port is not known.
func (r Row) Destination() (d harness.Destination, ok bool) {
	d, err := harness.ParseDestination(r.ID)
	return d, err == nil && d.Protocol != harness.DNS
}

// Name returns the row's host name or address.
func (r Row) Name() string {
	if d, ok := r.Destination(); ok {
		return d.Name
	}
	return strings.TrimPrefix(r.ID, nameOnly)
}

// Contacts are the rows with a port, as an experiment begins with them. Of what the
// data says of how often and when, only the longest time between two contacts is left: the
// experiment waits for what is contacted seldom.
func (l List) Contacts() (contacts []harness.Contact) {
	for _, row := range l.Rows {
		d, ok := row.Destination()
		if !ok {
			continue
		}
		named := row.Named
		if named != "tls" && d.Host() != "" {
			named = "dns"
		}
		contacts = append(contacts, harness.Contact{Destination: d, Addresses: row.Addresses, Named: named, Quiet: row.quiet()})
	}
	return contacts
}

// Names are the rows with a name as an experiment begins with them in which only DNS
// queries are seen: names without ports, each once.
func (l List) Names() (contacts []harness.Contact) {
	known := map[string]bool{}
	for _, row := range l.Rows {
		d := harness.Destination{Protocol: harness.DNS, Name: row.Name()}
		if _, everyName := d.Domain(); d.Host() == "" || everyName || known[d.Name] {
			continue
		}
		known[d.Name] = true
		contacts = append(contacts, harness.Contact{Destination: d, Addresses: row.Addresses, Named: "dns", Quiet: row.quiet()})
	}
	return contacts
}

// longestQuiet bounds the time between two contacts that a list may state: ten years.
const longestQuiet = 10 * 365 * 24 * time.Hour

// quiet is the longest time between two contacts; 0 if the list states none that can be.
func (r Row) quiet() time.Duration {
	if !(r.Quiet > 0 && r.Quiet <= longestQuiet.Seconds()) {
		return 0
	}
	return time.Duration(r.Quiet * float64(time.Second))
}

// NamesOnly lists the names of which no port is known.
func (l List) NamesOnly() (names []string) {
	for _, row := range l.Rows {
		if _, ok := row.Destination(); !ok {
			names = append(names, row.Name())
		}
	}
	return names
}

// Write writes the list as JSON.
func (l List) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(l)
}

// mostListBytes limits a .seen file. One with as many rows as there can be has a
// tenth of it.
const mostListBytes = 4 << 20

// Read reads what [List.Write] wrote. Errors name what is wrong and where.
func Read(path string) (List, error) {
	file, err := os.Open(path)
	if err != nil {
		return List{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostListBytes+1))
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", path, err)
	}
	list, err := parse(text)
	if err != nil {
		return List{}, fmt.Errorf("%s: %w: write such a file with: needwant import LOG --out FILE.seen", path, err)
	}
	return list, nil
}

func parse(text []byte) (list List, err error) {
	if len(text) > mostListBytes {
		return list, fmt.Errorf("it has more than %d bytes, which no list of destinations has", mostListBytes)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return list, fmt.Errorf("byte %d: it is not JSON: %w", syntax.Offset, err)
		}
		return list, fmt.Errorf("it is not a list of destinations: %w", err)
	}
	if list.APIVersion != apiVersion || list.Kind != kind {
		return list, fmt.Errorf("it is not a list of destinations: apiVersion must be %s and kind %s", apiVersion, kind)
	}
	if len(list.Rows) > harness.MostDestinations {
		return list, fmt.Errorf("it has %d rows, and at most %d are used", len(list.Rows), harness.MostDestinations)
	}
	known := map[string]bool{}
	for i, row := range list.Rows {
		if err := row.check(); err != nil {
			return list, fmt.Errorf("row %d: %w", i+1, err)
		}
		if known[row.ID] {
			return list, fmt.Errorf("row %d: %s is there twice", i+1, row.ID)
		}
		known[row.ID] = true
	}
	return list, nil
}

// mostAddresses limits the addresses of one row.
const mostAddresses = 64

// check reports what is wrong with a row. Its destination must be one that a gateway
// may block: a host on the internet.
func (r Row) check() error {
	name, isName := strings.CutPrefix(r.ID, nameOnly)
	d, err := harness.ParseDestination(r.ID)
	if !isName && err != nil {
		return err
	}
	if !isName {
		name = strings.TrimPrefix(d.Name, "*.")
	}
	addresses := r.Addresses
	if bare, ok := d.Address(); ok {
		addresses = append(addresses[:len(addresses):len(addresses)], bare)
	} else if !names.IsHost(name) {
		return fmt.Errorf("%q is not a host name", name)
	}
	if len(r.Addresses) > mostAddresses {
		return fmt.Errorf("%s has %d addresses, and at most %d are used", r.ID, len(r.Addresses), mostAddresses)
	}
	for _, address := range addresses {
		if !foreign(address) {
			return fmt.Errorf("%s: %s is not the address of a host on the internet", r.ID, address)
		}
	}
	return nil
}

// with adds up two rows.
func (r Row) with(other Row) Row {
	sum := tally{first: r.First, last: r.Last, addresses: slices.Clone(r.Addresses)}
	sum.note(other.First, 0)
	sum.note(other.Last, 0)
	for _, address := range other.Addresses {
		sum.at(address)
	}
	slices.SortFunc(sum.addresses, netip.Addr.Compare)
	return Row{
		ID: other.ID, Addresses: append([]netip.Addr{}, sum.addresses...), Named: cmp.Or(r.Named, other.Named),
		Contacts: r.Contacts + other.Contacts, Queries: r.Queries + other.Queries, Bytes: r.Bytes + other.Bytes,
		First: sum.first, Last: sum.last, Quiet: max(r.Quiet, other.Quiet, r.before(other), other.before(r)),
	}
}

// before is the time in seconds from the last contact of a row to the first of a later
// part of it; 0 or less if they overlap.
func (r Row) before(other Row) float64 {
	if r.Last.IsZero() || other.First.IsZero() {
		return 0
	}
	return other.First.Sub(r.Last).Seconds()
}
