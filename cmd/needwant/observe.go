package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/gateway/talk"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// observeFlags are the choices of an observation.
type observeFlags struct {
	standFlags
	longest time.Duration
	json    bool
	quiet   bool
	provoke bool
	seen    string
	known   []harness.Contact // from the file of --seen
	settle  time.Duration     // for how long a block would settle
}

func observeCommand() *cobra.Command {
	flags := &observeFlags{}
	command := &cobra.Command{
		Use:   "observe SPEC",
		Short: "Show which destinations a device contacts",
		Long: `Puts the device of a spec behind the gateway, blocks nothing, and shows what the device
contacts. On a terminal this is a table that grows. Otherwise each new destination is a
line. At the end the table goes to stdout; with --json, stdout has the events instead,
one JSON object per line.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args[0]) },
	}
	command.Flags().DurationVar(&flags.longest, "for", 0, "how long, e.g. 30m; 0 means until Ctrl-C")
	flags.add(command)
	command.Flags().BoolVar(&flags.provoke, "provoke", false, "after the time of --for, give the device a new DHCP lease, take its link down and up, and show what it contacts then")
	command.Flags().BoolVar(&flags.json, "json", false, "write events to stdout, one JSON object per line")
	command.Flags().BoolVarP(&flags.quiet, "quiet", "q", false, "show no progress")
	seenFlag(command, &flags.seen)
	return command
}

func (f *observeFlags) run(command *cobra.Command, nameOrPath string) error {
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return usage(err)
	}
	if f.known, err = readSeen(command.ErrOrStderr(), f.seen, bench.OfResolver(file)); err != nil {
		return err
	}
	if f.provoke && f.longest == 0 {
		return usage(errors.New("--provoke needs --for, e.g. --for 30m: what the device contacts by itself is observed first"))
	}
	if err := privilegesFor(file); err != nil {
		return err
	}
	stand, err := openStand(command.Context(), command.ErrOrStderr(), file, nil, standOptions{standFlags: f.standFlags, quiet: f.quiet, known: f.known})
	if err != nil {
		return err
	}
	f.settle = stand.bench.Timing.Settle
	ctx := command.Context()
	if f.longest > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.longest)
		defer cancel()
	}
	ctx, end := bench.While(ctx, stand.over)
	defer end()
	gate := stand.bench.Gateway
	var passed *gateway.Traffic // nil if no packets are seen
	if counted, able := gate.(traffic); able {
		passed = counted.Traffic()
	}
	seen, err := f.watch(ctx, command, gate, passed)
	if f.provoke && err == nil && command.Context().Err() == nil {
		alone := map[harness.Destination]observed{} // what the device does if it is left alone
		for _, o := range seen {
			alone[o.Destination] = o
		}
		var found map[harness.Destination][]harness.Provoker
		if found, err = f.provokes(command.Context(), command.ErrOrStderr(), stand.bench, passed, file.Provokers()); err == nil {
			seen, err = f.look(command.Context(), gate, passed)
		}
		for i, o := range seen {
			seen[i].Provoked, seen[i].Every, seen[i].gone = found[o.Destination], alone[o.Destination].Every, alone[o.Destination].gone
		}
	}
	if err := errors.Join(err, stand.close()); err != nil {
		return unfit(err)
	}
	if err := f.show(command.OutOrStdout(), seen); err != nil {
		return err
	}
	if !f.json && !f.quiet {
		end := ending{spec: nameOrPath, gateway: file.Gateway}
		end.left(command.ErrOrStderr(), contacted(seen), "Next: "+asRoot(file.Gateway, "bisect "+quoted(nameOrPath)+permission(file))+" finds out which of them are needed.")
	}
	if f.longest > 0 && command.Context().Err() != nil {
		return exit(codeInterrupted, context.Canceled)
	}
	return nil
}

// glance is how often the gateway is asked what it saw.
const glance = time.Second

// observed is a destination with what passed between it and the device.
type observed struct {
	harness.Contact
	Packets  uint64             `json:"packets"`           // in either direction
	Bytes    uint64             `json:"bytes"`             // of these, headers of IP included
	Every    float64            `json:"every_s,omitempty"` // the longest time between two contacts, in seconds; 0 if it was contacted once at most, or is not contacted any more
	gone     string             // when it was contacted once, or last if it is not contacted any more; "" if it is
	Provoked []harness.Provoker `json:"provoked_by,omitempty"` // what made the device contact it, though it had not for some time; only with --provoke
	Named    string             `json:"named"`                 // how the name is known: "dns" from an answer, "tls" from what a server was asked by, "address" if there is none
}

// traffic counts what passes at a gateway.
type traffic interface{ Traffic() *gateway.Traffic }

// watch looks until ctx ends, and returns what was seen by then.
func (f *observeFlags) watch(ctx context.Context, command *cobra.Command, gate harness.Gateway, passed *gateway.Traffic) (seen []observed, err error) {
	show, stop := f.shower(command)
	defer stop()
	again := time.NewTicker(glance)
	defer again.Stop()
	for {
		if seen, err = f.look(ctx, gate, passed); err != nil {
			return seen, err
		}
		show(seen)
		select {
		case <-ctx.Done():
			return seen, nil
		case <-again.C:
		}
	}
}

// look is what was seen by now. A look that has begun is finished.
func (f *observeFlags) look(ctx context.Context, gate harness.Gateway, passed *gateway.Traffic) ([]observed, error) {
	looked, err := gate.Observe(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	return with(f.withKnown(looked.Contacts), passed, f.settle)
}

// withKnown adds what was known before and was not contacted yet, neither under its
// name nor, if it is an address, under a name that has this address.
func (f *observeFlags) withKnown(contacts []harness.Contact) []harness.Contact {
	seen := map[harness.Destination]bool{}
	for _, contact := range contacts {
		d := contact.Destination
		seen[d] = true
		for _, address := range contact.Addresses {
			seen[harness.Destination{Protocol: d.Protocol, Port: d.Port, Name: address.String()}] = true
		}
	}
	for _, contact := range f.known {
		if !seen[contact.Destination] {
			contacts = append(contacts, contact)
		}
	}
	return contacts
}

// with adds what passed, and how often each is contacted.
func with(contacts []harness.Contact, passed *gateway.Traffic, settle time.Duration) (seen []observed, err error) {
	counts := map[harness.Destination]talk.Count{}
	if passed != nil {
		if counts, err = passed.Look(contacts); err != nil {
			return nil, err
		}
	}
	for _, contact := range contacts {
		count := counts[contact.Destination]
		o := observed{Contact: contact, Packets: count.Packets, Bytes: count.Bytes, Named: cmp.Or(contact.Named, "address")}
		o.Every, o.gone = clockOf(contact, time.Since(contact.Last), settle)
		seen = append(seen, o)
	}
	return seen, nil
}

// clockOf is the longest time between two contacts, in seconds, or when the only one or the last was, if the device
// has not sent or received anything there for longer than it may. Within one contact, only packets follow each other.
// What a log had was contacted as often as the log says.
func clockOf(contact harness.Contact, silence, settle time.Duration) (every float64, gone string) {
	switch {
	case contact.First.IsZero():
		return contact.Quiet.Seconds(), ""
	case !harness.GoesOn(contact.Quiet, silence, settle):
		return 0, reports.Seen(contact.Tries == 1, span.Words(silence)+" ago")
	case contact.Tries <= 1:
		return 0, ""
	}
	return contact.Quiet.Seconds(), ""
}

// often is how often a destination is contacted, or when it was, for people, and what provokes that.
func often(o observed) string {
	words := []string{}
	if o.gone != "" {
		words = append(words, o.gone)
	}
	if o.Every > 0 {
		words = append(words, span.Words(time.Duration(o.Every*float64(time.Second)).Round(time.Second/10)))
	}
	if len(o.Provoked) > 0 {
		words = append(words, reports.Moments(o.Provoked))
	}
	return cmp.Or(strings.Join(words, ", "), "-")
}

// seenEvent says that a destination was contacted for the first time, or
// answered for the first time.
type seenEvent struct {
	Kind    string          `json:"event"` // "seen" or "answered"
	At      time.Time       `json:"at"`
	Contact harness.Contact `json:"contact"`
}

// shower shows each look at the gateway until stop is called.
func (f *observeFlags) shower(command *cobra.Command) (show func([]observed), stop func()) {
	screen := screenOf(command.ErrOrStderr())
	if !screen.live() || f.quiet || f.json {
		return f.teller(command), func() {}
	}
	var now atomic.Pointer[[]observed]
	now.Store(&[]observed{})
	stop = screen.show(func(columns, rows int) []string { return fittingTable(*now.Load(), columns, rows) })
	return func(seen []observed) { now.Store(&seen) }, stop
}

// teller tells of each destination when it is seen first.
func (f *observeFlags) teller(command *cobra.Command) func([]observed) {
	encoder := json.NewEncoder(command.OutOrStdout())
	notes := command.ErrOrStderr()
	known := map[harness.Destination]string{}
	return func(seen []observed) {
		for _, destination := range seen {
			contact := destination.Contact
			if contact.First.IsZero() { // known before, and not contacted yet
				continue
			}
			kind := "seen"
			if contact.Answered {
				kind = "answered"
			}
			first := known[contact.Destination] == ""
			if known[contact.Destination] == kind {
				continue
			}
			known[contact.Destination] = kind
			if f.json {
				_ = encoder.Encode(seenEvent{kind, time.Now(), contact}) // nor does a reader
			}
			if first && !f.quiet {
				fmt.Fprintf(notes, "sees %s\n", contact.Destination)
			}
		}
	}
}

// observedEvent is the last event.
type observedEvent struct {
	Kind         string     `json:"event"` // "observed"
	At           time.Time  `json:"at"`
	Destinations []observed `json:"destinations"`
}

func (f *observeFlags) show(out io.Writer, seen []observed) error {
	if f.json {
		return json.NewEncoder(out).Encode(observedEvent{"observed", time.Now(), append([]observed{}, seen...)})
	}
	return table(out, seen, screenOf(out).columns())
}

// contacted counts the destinations that were contacted, and those that answered.
func contacted(seen []observed) string {
	all, answered := 0, 0
	for _, o := range seen {
		if !o.First.IsZero() {
			all++
		}
		if o.Answered {
			answered++
		}
	}
	switch all {
	case 0:
		return "The device contacted nothing. Longer may help: many devices contact some destinations only once an hour or a day."
	case 1:
		return fmt.Sprintf("The device contacted 1 destination, of which %d answered.", answered)
	}
	return fmt.Sprintf("The device contacted %d destinations, of which %d answered.", all, answered)
}

// table writes one row for each destination. Columns is the width of the terminal; 0 means no limit.
func table(out io.Writer, seen []observed, columns int) error {
	if len(seen) == 0 {
		_, err := fmt.Fprintln(out, "the device has contacted nothing yet")
		return err
	}
	lines, left := narrow(seen, cmp.Or(columns, math.MaxInt))
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	if len(left) > 0 {
		laid(out, "This window is too narrow for "+strings.Join(left, ", ")+": a wider one shows more, and --json shows everything.")
	}
	return err
}

// observedColumns are the columns of the table.
var observedColumns = []struct {
	head  string
	spare int // the higher, the sooner it is left out of a narrow window; 0 is always shown
	text  func(observed) string
}{
	{"NAME", 0, func(o observed) string { return o.Destination.Name }},
	{"ADDRESS", 5, func(o observed) string { return joinAddresses(o.Addresses) }},
	{"PROTOCOL", 0, func(o observed) string { return o.Destination.Protocol }},
	{"PORT", 0, func(o observed) string { return o.Destination.PortText() }},
	{"SERVICE", 6, func(o observed) string { return o.Destination.Service() }},
	{"FIRST", 7, func(o observed) string { return clockTime(o.First) }},
	{"LAST", 1, func(o observed) string { return clockTime(o.Last) }},
	{"EVERY", 2, often},
	{"TRIES", 2, func(o observed) string { return strconv.Itoa(o.Tries) }},
	{"ANSWERED", 3, func(o observed) string { return map[bool]string{true: "yes", false: "no"}[o.Answered] }},
	{"PACKETS", 8, func(o observed) string { return strconv.FormatUint(o.Packets, 10) }},
	{"BYTES", 4, func(o observed) string { return strconv.FormatUint(o.Bytes, 10) }},
	{"NAMED BY", allColumns, func(o observed) string { return o.Named }},
}

// allColumns leaves none out.
const allColumns = 9

// columnsOf writes the table, without the columns that are more spare than that.
func columnsOf(out io.Writer, seen []observed, spare int) error {
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var heads []string
	lines := make([][]string, len(seen))
	for _, column := range observedColumns {
		if column.spare > spare {
			continue
		}
		heads = append(heads, column.head)
		for i, o := range seen {
			lines[i] = append(lines[i], reports.Clean(column.text(o)))
		}
	}
	for _, line := range append([][]string{heads}, lines...) {
		fmt.Fprintln(rows, strings.Join(line, "\t"))
	}
	return rows.Flush()
}

// fittingTable is the table in a window: with the columns that fit, and the destinations
// that were contacted last.
func fittingTable(seen []observed, columns, rows int) []string {
	if len(seen) == 0 {
		return []string{"the device has contacted nothing yet"}
	}
	seen = slices.SortedStableFunc(slices.Values(seen), func(a, b observed) int { return b.Last.Compare(a.Last) })
	more := len(seen) - max(1, rows-3)
	if more > 0 {
		seen = seen[:len(seen)-more]
	}
	lines, _ := narrow(seen, columns-1)
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// narrow is the table with the columns that fit, and the heads of those that are left out.
func narrow(seen []observed, columns int) (lines, left []string) {
	for spare := allColumns; ; spare-- {
		var out strings.Builder
		_ = columnsOf(&out, seen, spare) // into memory
		lines = strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if spare == 0 || !slices.ContainsFunc(lines, func(line string) bool { return displaywidth.String(line) > columns }) {
			return lines, left
		}
		for _, column := range observedColumns {
			if column.spare == spare {
				left = append(left, column.head)
			}
		}
	}
}

func joinAddresses(addresses []netip.Addr) string {
	var texts []string
	for _, address := range addresses {
		texts = append(texts, address.String())
	}
	return strings.Join(texts, " ")
}

// clockTime is a time of day, or "-" for never.
func clockTime(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Format(time.TimeOnly)
}
