package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/reports"
)

func (f *hubFlags) queueCommand() *cobra.Command {
	command := group("queue", "List the devices that wait for a test, and add some", f.queueAddCommand(), f.queueRemoveCommand())
	command.Long = `Lists the queue of a running hub: devices that wait for a test, that are tested now, and that
were tested. Only agents that were started with --queue test them.

A device has at most one entry. It waits for its time, for the agent, and until the device is
free.`
	command.Example = `  needwant hub queue add garage/vacuum attic/plug
  needwant hub queue add garage --at 01:00
  needwant hub queue`
	subcommands := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) > 0 {
			return subcommands(command, args)
		}
		directory, err := f.directory()
		if err != nil {
			return err
		}
		fleet, err := directory.Status(command.Context())
		if err != nil {
			return unfit(err)
		}
		return writeQueue(command.OutOrStdout(), fleet)
	}
	return command
}

func (f *hubFlags) queueAddCommand() *cobra.Command {
	var q hub.Queueing
	var at string
	command := &cobra.Command{
		Use:   "add AGENT[/DEVICE]...",
		Short: "Add devices to the queue",
		Long: `Adds devices to the queue of the hub. AGENT alone means all devices of that agent;
needwant hub status lists them.

A device without a result gets an experiment, as with needwant bisect. A device with a
result gets a recheck, which takes a few trials (needwant recheck). The agent uses its
own spec and flags: the hub sends none.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeDevices,
		RunE: func(command *cobra.Command, args []string) (err error) {
			q.Add, q.Devices = true, args
			if q.After, err = timeOf(at, time.Now()); err != nil {
				return usage(err)
			}
			return f.queueing(command, q)
		},
	}
	command.Flags().BoolVar(&q.Exact, "exact", false, "prove everything again, which takes longer")
	command.Flags().StringVar(&at, "at", "", "begin at this `TIME` or later: the next 01:00, or \"2026-12-24 18:00\"")
	return command
}

func (f *hubFlags) queueRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove AGENT[/DEVICE]...",
		Short: "Take devices out of the queue",
		Long: `Takes devices out of the queue. A run that has begun continues; you can stop it on the
page of the hub.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeDevices,
		RunE: func(command *cobra.Command, args []string) error {
			return f.queueing(command, hub.Queueing{Devices: args})
		},
	}
}

func (f *hubFlags) queueing(command *cobra.Command, q hub.Queueing) error {
	directory, err := f.directory()
	if err != nil {
		return err
	}
	text, err := directory.Queue(command.Context(), q)
	if err != nil {
		return unfit(err)
	}
	for line := range strings.SplitSeq(text, "\n") {
		laid(command.OutOrStdout(), reports.Clean(line))
	}
	if q.Add {
		laid(command.OutOrStdout(), "Next: "+typed("needwant hub queue%s", f.dirFlag())+" shows what becomes of it.")
	}
	return nil
}

// completeDevices offers the agents and devices of a running hub.
func (f *hubFlags) completeDevices(command *cobra.Command, _ []string, _ string) (names []cobra.Completion, directive cobra.ShellCompDirective) {
	directory, err := f.directory()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	fleet, err := directory.Status(command.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, agent := range fleet.Agents {
		names = append(names, agent.Agent)
	}
	for _, known := range fleet.Devices {
		names = append(names, reports.Clean(known.Title()))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// timeOf reads a time of day, which is the next one, or a date and time. Without a text it is zero.
func timeOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if clock, err := time.Parse("15:04", text); err == nil {
		return next(now, sinceMidnight(clock)), nil
	}
	at, err := time.ParseInLocation(minutes, text, time.Local)
	if err != nil {
		return at, fmt.Errorf("--at %s: it takes a time such as 01:00 or \"2026-12-24 18:00\"", text)
	}
	if at.Before(now) {
		return at, errors.New("--at " + text + " is over: give a time to come")
	}
	return at, nil
}

// queued are the devices with an entry of the queue: first those whose entry is not over, the one that was added first
// before the others; then those whose entry ended last.
func queued(fleet hub.Fleet) (all []hub.Known) {
	for _, known := range fleet.Devices {
		if known.Entry != nil {
			all = append(all, known)
		}
	}
	slices.SortStableFunc(all, func(a, b hub.Known) int {
		if open := a.Entry.Over.IsZero(); open != b.Entry.Over.IsZero() {
			if open {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Entry.Over.Compare(a.Entry.Over), a.Entry.Added.Compare(b.Entry.Added))
	})
	return all
}

// writeQueue writes the queue as a table.
func writeQueue(out io.Writer, fleet hub.Fleet) error {
	all := queued(fleet)
	if len(all) == 0 {
		laid(out, "The queue is empty. Next: "+typed("needwant hub queue add AGENT/DEVICE"))
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEVICE\tADDED\tSTATE")
	for _, known := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", reports.Clean(known.Title()), known.Entry.Added.Local().Format(minutes), reports.Clean(entryState(fleet, known)))
	}
	return table.Flush()
}

// entryState says what becomes of a device's entry of the queue.
func entryState(fleet hub.Fleet, known hub.Known) string {
	e := known.Entry
	switch {
	case !e.Over.IsZero() && e.Why != "":
		return "not tested: " + e.Why
	case !e.Over.IsZero():
		return "done " + e.Over.Local().Format(minutes)
	case !e.Begun.IsZero() && e.Why != "":
		return "under way; it went wrong, and is continued: " + e.Why
	case !e.Begun.IsZero() && !there(fleet, known.Agent):
		return "begun " + e.Begun.Local().Format(minutes) + "; the agent is not connected"
	case !e.Begun.IsZero():
		return "under way since " + e.Begun.Local().Format(minutes)
	case time.Now().Before(e.After):
		return "waits until " + e.After.Local().Format(minutes)
	case !there(fleet, known.Agent):
		return "waits: the agent is not connected"
	case known.Held:
		return "waits until the device is free"
	case !known.Offered:
		return "waits: the agent does not run with --queue and this device"
	}
	return "begins"
}

// there reports whether an agent is connected.
func there(fleet hub.Fleet, agent string) bool {
	return slices.ContainsFunc(fleet.Agents, func(p hub.Presence) bool { return p.Agent == agent && p.Now() })
}
