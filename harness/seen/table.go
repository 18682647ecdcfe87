package seen

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// The limits of a table, whatever the data holds. A full table takes about 50 MB.
const (
	mostDevices  = 1024
	mostRows     = 65536       // of all devices
	mostNamings  = 65536       // addresses whose name is recorded
	mostOwn      = 64          // addresses of a device that is given by its MAC address
	exchangeEnds = time.Minute // datagrams after a pause of this length are a new exchange
)

// Packet is one packet, or one record that stands for several, between a device and a
// host.
type Packet struct {
	At       time.Time // zero if unknown
	From, To netip.AddrPort
	Protocol string // [harness.TCP], [harness.UDP] or [harness.ICMP] for an echo request
	FromMAC  string // "" if unknown
	Name     string // of the host, if the record has it
	Opens    bool   // it begins a connection
	Ends     bool   // it ends what began before, so that it is not a contact
	Bytes    uint64
	Contacts int // for a record that stands for several connections; 0 means what the packet shows
}

// Table collects what data shows of devices. It is used by one goroutine.
type Table struct {
	chosen  chosen
	devices map[netip.Addr]*device
	namings map[naming]named
	rows    int
	beyond  int // records of rows and devices that there was no room for
}

// device is a host of the home network and what it contacted.
type device struct {
	address netip.Addr
	mac     string
	name    string
	rows    map[place]*tally
	queries map[string]*tally
	ports   map[place]int // how many ports of a host; the port of the key is 0
}

// place is a row in the making.
type place struct {
	protocol string
	port     uint16
	name     string     // "" if there is none
	address  netip.Addr // if there is no name
}

// tally is how often, how much and when.
type tally struct {
	count       int
	bytes       uint64
	first, last time.Time
	quiet       time.Duration // the longest time between two contacts
	ports       [2]uint16     // the device's and the host's, of the last packet
	addresses   []netip.Addr
	how         string
}

// naming is an address as one device resolved it; the zero device stands for all.
type naming struct{ device, address netip.Addr }

type named struct {
	name string
	how  string
}

// NewTable returns an empty table for the devices that are named by an address, a MAC
// address or a name; none takes the only one that the data has.
func NewTable(devices ...string) (*Table, error) {
	chosen, err := choose(devices)
	if err != nil {
		return nil, err
	}
	return &Table{chosen: chosen, devices: map[netip.Addr]*device{}, namings: map[naming]named{}}, nil
}

// Packet notes a packet. Those that are not between a device and a host on the
// internet are ignored.
func (t *Table) Packet(p Packet) {
	from, to := p.From.Addr().Unmap(), p.To.Addr().Unmap()
	p.From, p.To = netip.AddrPortFrom(from, p.From.Port()), netip.AddrPortFrom(to, p.To.Port())
	t.chosen.learn(from, p.FromMAC)
	switch {
	case t.chosen.own(from) && foreign(to):
		if d := t.device(from); d != nil {
			d.mac = cmp.Or(d.mac, p.FromMAC)
			t.outward(d, p)
		}
	case t.chosen.own(to) && foreign(from):
		if d := t.devices[to]; d != nil {
			if row := d.rows[t.place(d, p.Protocol, p.From, "")]; row != nil {
				row.note(p.At, p.Bytes)
			}
		}
	}
}

func (t *Table) outward(d *device, p Packet) {
	where := t.place(d, p.Protocol, p.To, names.Canonical(p.Name))
	row := d.rows[where]
	if row == nil {
		// A TCP packet that does not open a connection may be an answer of the device.
		if p.Protocol == harness.TCP && !p.Opens && p.Contacts == 0 && p.From.Port() <= p.To.Port() {
			return
		}
		if row = t.add(d.rows, where); row == nil {
			return
		}
		d.ports[place{protocol: where.protocol, name: where.name, address: where.address}]++
		row.how = t.how(d, p)
	}
	row.count += p.Contacts
	if p.Contacts == 0 && row.begins(p) {
		row.count++
	}
	row.note(p.At, p.Bytes)
	row.ports = p.ports()
	row.at(p.To.Addr())
}

func (p Packet) ports() [2]uint16 { return [2]uint16{p.From.Port(), p.To.Port()} }

// begins reports whether a packet begins something new: a connection, or an exchange of
// datagrams. A packet that is sent again does not.
func (t *tally) begins(p Packet) bool {
	if p.Ends && t.count > 0 {
		return false
	}
	fresh := t.count == 0 || p.ports() != t.ports || p.At.Sub(t.last) > exchangeEnds
	return fresh && (p.Opens || p.Protocol != harness.TCP || t.count == 0)
}

func (t *tally) note(at time.Time, bytes uint64) {
	t.bytes += bytes
	if at.IsZero() {
		return
	}
	if t.first.IsZero() || at.Before(t.first) {
		t.first = at
	}
	if at.After(t.last) {
		if !t.last.IsZero() {
			t.quiet = max(t.quiet, at.Sub(t.last))
		}
		t.last = at
	}
}

func (t *tally) at(address netip.Addr) {
	if address.IsValid() && len(t.addresses) < mostAddresses && !slices.Contains(t.addresses, address) {
		t.addresses = append(t.addresses, address)
	}
}

// place is the row of a host's port, under the name that is known so far.
func (t *Table) place(d *device, protocol string, to netip.AddrPort, name string) place {
	p := place{protocol: protocol, port: to.Port(), name: name}
	if p.name == "" || !names.IsHost(p.name) {
		p.name = t.naming(d, to.Addr()).name
	}
	if p.name == "" {
		p.address = to.Addr()
	}
	if protocol == harness.ICMP || t.everyPort(d, p) {
		p.port = 0
	}
	return p
}

func (t *Table) naming(d *device, address netip.Addr) named {
	if own, ok := t.namings[naming{d.address, address}]; ok {
		return own
	}
	return t.namings[naming{address: address}]
}

func (t *Table) how(d *device, p Packet) string {
	if names.IsHost(names.Canonical(p.Name)) {
		return "log"
	}
	return t.naming(d, p.To.Addr()).how
}

// add makes a row, unless there are too many.
func (t *Table) add(rows map[place]*tally, where place) *tally {
	if t.rows >= mostRows {
		t.beyond++
		return nil
	}
	t.rows++
	rows[where] = &tally{}
	return rows[where]
}

func (t *Table) device(address netip.Addr) *device {
	d := t.devices[address]
	if d == nil && len(t.devices) < mostDevices {
		d = &device{address: address, rows: map[place]*tally{}, queries: map[string]*tally{}, ports: map[place]int{}}
		t.devices[address] = d
	}
	if d == nil {
		t.beyond++
	}
	return d
}

// Query notes DNS queries of a device for a name, at one time.
func (t *Table) Query(at time.Time, from netip.Addr, name string, count int) {
	from, name = from.Unmap(), names.Canonical(name)
	if !t.chosen.own(from) || !public(name) {
		return
	}
	d := t.device(from)
	if d == nil {
		return
	}
	row := d.queries[name]
	if row == nil {
		if t.rows >= mostRows {
			t.beyond++
			return
		}
		t.rows++
		row = &tally{}
		d.queries[name] = row
	}
	row.count += count
	row.note(at, 0)
}

// Answer notes the addresses of a name, as a device learnt them; the zero address
// stands for every device. How is "dns", or "tls" for the name that a client asked a
// server for, which counts only if DNS did not name the address.
func (t *Table) Answer(to netip.Addr, name, how string, addresses ...netip.Addr) {
	name = names.Canonical(name)
	if !public(name) {
		return
	}
	for _, address := range addresses {
		key := naming{to.Unmap(), address.Unmap()}
		if !foreign(key.address) || how == "tls" && t.namings[key].how == "dns" {
			continue
		}
		if len(t.namings) >= mostNamings {
			clear(t.namings)
		}
		t.namings[key] = named{name, how}
	}
}

// Identify notes a device's MAC address and name, "" if unknown.
func (t *Table) Identify(address netip.Addr, mac, name string) {
	address = address.Unmap()
	t.chosen.learn(address, mac)
	if !t.chosen.own(address) {
		return
	}
	if d := t.device(address); d != nil {
		d.mac, d.name = cmp.Or(mac, d.mac), cmp.Or(strings.ToLower(name), d.name)
	}
}

// DeviceError says that the data does not have exactly the device that was asked for.
type DeviceError struct{ text string }

func (e *DeviceError) Error() string { return e.text }

// List returns what was seen of the chosen device. The error is a [*DeviceError].
func (t *Table) List() (List, error) {
	devices, err := t.selected()
	if err != nil {
		return List{}, err
	}
	list := List{APIVersion: apiVersion, Kind: kind, Sources: []Source{}, Rows: []Row{}}
	list.Device.Addresses = []netip.Addr{}
	rows := map[string]Row{}
	for _, d := range devices {
		if d.address != listed {
			list.Device.Addresses = append(list.Device.Addresses, d.address)
		}
		list.Device.MAC, list.Device.Name = cmp.Or(list.Device.MAC, d.mac), cmp.Or(list.Device.Name, d.name)
		t.rowsOf(d, rows)
	}
	list.Rows = slices.SortedFunc(maps.Values(rows), Row.compare)
	list.limit()
	return list, nil
}

// limit leaves out what was seen least often, beyond the limit of an experiment.
func (l *List) limit() {
	if l.LeftOut = len(l.Rows) - harness.MostDestinations; l.LeftOut <= 0 {
		l.LeftOut = 0
		return
	}
	slices.SortStableFunc(l.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(min(1, len(b.Named)), min(1, len(a.Named))), cmp.Compare(b.Contacts+b.Queries, a.Contacts+a.Queries))
	})
	l.Rows = l.Rows[:harness.MostDestinations]
	slices.SortFunc(l.Rows, Row.compare)
}

// compare orders rows: those with a port first.
func (r Row) compare(other Row) int {
	a, portA := r.Destination()
	b, portB := other.Destination()
	switch {
	case portA && portB:
		return a.Compare(b)
	case portA != portB:
		return map[bool]int{true: -1, false: 1}[portA]
	}
	return cmp.Compare(r.ID, other.ID)
}

// rowsOf adds a device's rows. A name that became known later counts for what came
// before, too.
func (t *Table) rowsOf(d *device, rows map[string]Row) {
	contacted := map[string]bool{}
	for where, seen := range d.rows {
		how := seen.how
		every := t.everyPort(d, where)
		if known := t.naming(d, where.address); where.name == "" && known.name != "" {
			where.name, how = known.name, known.how
		}
		id := t.destination(d, where, every)
		row := Row{ID: id.String(), Addresses: seen.addresses, Contacts: seen.count, Bytes: seen.bytes, First: seen.first, Last: seen.last, Quiet: seen.quiet.Seconds()}
		if where.name != "" {
			contacted[where.name] = true
			row.Named = cmp.Or(how, "dns")
		}
		rows[row.ID] = rows[row.ID].with(row)
	}
	for name, seen := range d.queries {
		if contacted[name] {
			continue
		}
		row := Row{ID: nameOnly + name, Named: "dns", Queries: seen.count, First: seen.first, Last: seen.last, Quiet: seen.quiet.Seconds()}
		rows[row.ID] = rows[row.ID].with(row)
	}
	for id, row := range rows { // queries for a name that has a port are part of its row
		if seen := d.queries[row.Name()]; seen != nil && contacted[row.Name()] {
			row.Queries += seen.count
			rows[id] = row
		}
	}
}

// everyPort reports whether the host of a row was contacted on many ports.
func (t *Table) everyPort(d *device, where place) bool {
	where.port = 0
	if where.name != "" {
		where.address = netip.Addr{}
	}
	return d.ports[where] >= watch.ManyPorts
}

// destination is a row's: every port, if the host was contacted on many.
func (t *Table) destination(d *device, where place, every bool) harness.Destination {
	id := harness.Destination{Protocol: where.protocol, Port: where.port, Name: where.name}
	if every || t.everyPort(d, where) {
		id.Port = 0
	}
	if id.Name == "" {
		id.Name = where.address.String()
	}
	return id
}

// selected are the devices that were asked for, or else the only one that contacted
// anything.
func (t *Table) selected() (devices []*device, err error) {
	all := slices.SortedFunc(maps.Values(t.devices), func(a, b *device) int { return a.address.Compare(b.address) })
	if t.chosen.any() {
		all = slices.DeleteFunc(all, func(d *device) bool { return len(d.rows)+len(d.queries) == 0 })
		if len(all) == 1 {
			return all, nil
		}
	} else {
		for _, d := range all {
			if t.chosen.matches(d) {
				devices = append(devices, d)
			}
		}
		if len(devices) > 0 {
			return devices, nil
		}
	}
	switch {
	case len(all) == 0 && t.chosen.any():
		return nil, &DeviceError{"no device of a home network contacts the internet in this data: select the device with --device ADDRESS if its address is public"}
	case len(all) == 0:
		return nil, &DeviceError{fmt.Sprintf("%s is not in this data: check the address, the MAC address or the name", t.chosen)}
	case t.chosen.any():
		return nil, &DeviceError{"this data has several devices: select one with --device ADDRESS, MAC or name:\n" + enumerate(all)}
	}
	return nil, &DeviceError{fmt.Sprintf("%s is not in this data. Select one of these with --device ADDRESS, MAC or name:\n%s", t.chosen, enumerate(all))}
}

// enumerate lists the devices that contacted most, a line each.
func enumerate(devices []*device) string {
	const most = 20
	size := func(d *device) int { return len(d.rows) + len(d.queries) }
	devices = slices.SortedStableFunc(slices.Values(devices), func(a, b *device) int { return cmp.Compare(size(b), size(a)) })
	var lines []string
	for _, d := range devices[:min(most, len(devices))] {
		line := fmt.Sprintf("  %s  %d destinations", d.address, size(d))
		if size(d) == 1 {
			line = fmt.Sprintf("  %s  1 destination", d.address)
		}
		for _, more := range []string{d.mac, d.name} {
			if more != "" {
				line += "  " + more
			}
		}
		lines = append(lines, line)
	}
	if more := len(devices) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return strings.Join(lines, "\n")
}
