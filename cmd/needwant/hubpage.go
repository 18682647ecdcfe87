package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/cmd/internal/hub"
	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// fleetPage has what the page of a hub shows.
type fleetPage struct {
	hub       *hub.Hub
	directory hub.Directory
	fleet     hub.Fleet
	asked     time.Time
}

// collection lists the runs, each with its agent, and the devices that have none yet.
func (f *fleetPage) collection(ctx context.Context) *collection {
	connected := func(file string) bool { return f.hub.Connected(hub.AgentOf(file)) }
	return &collection{
		title: "Devices of this laboratory",
		find: func() ([]string, error) {
			f.ask(ctx)
			return runsIn(f.directory.Runs())
		},
		written: func(path string) bool { return connected(filepath.Base(path)) },
		place: func(file string) string {
			place := "agent " + hub.AgentOf(file)
			for _, device := range f.fleet.Devices {
				if device.IsOf(file) && device.Placement != "" {
					place += ", placement " + device.Placement
				}
				if device.IsQueued(file) {
					place += ", from the queue"
				}
			}
			if !connected(file) {
				place += ", not connected"
			}
			return place
		},
		waiting: f.waiting,
		remote:  atAgents{f.hub},
	}
}

// atAgents has agents carry out what people do on the page of a hub.
type atAgents struct{ hub *hub.Hub }

func (a atAgents) live(file string) (live reports.Live, version int) {
	state, version := a.hub.State(file)
	if version == 0 || json.Unmarshal(state, &live) != nil {
		return reports.Live{}, 0
	}
	live.Orders = slices.DeleteFunc(live.Orders, func(do harness.Do) bool { return !slices.Contains(harness.Dos(), do) })
	return live, version
}

func (a atAgents) act(ctx context.Context, file string, act page.Act) (reply page.Reply) {
	what, err := json.Marshal(act)
	if err == nil {
		what, err = a.hub.Act(ctx, file, what)
	}
	if err == nil {
		err = json.Unmarshal(what, &reply)
	}
	if err != nil {
		return page.Reply{Status: http.StatusServiceUnavailable, Why: sentence(err)}
	}
	return reply
}

// sentence is an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// ask asks for the devices, but not each time.
func (f *fleetPage) ask(ctx context.Context) {
	const often = 3 * time.Second
	if time.Since(f.asked) < often {
		return
	}
	f.asked = time.Now()
	if fleet, err := f.hub.Fleet(ctx); err == nil {
		f.fleet = fleet
	}
}

// waiting lists what is in the queue and has no run, and the devices without a run.
func (f *fleetPage) waiting() (lines []reports.RunLine) {
	paths, err := runsIn(f.directory.Runs())
	if err != nil {
		return nil
	}
	for _, known := range queued(f.fleet) {
		switch e := known.Entry; {
		case !e.Over.IsZero() && e.Why != "":
			line := withoutRun(known, "")
			line.Result, line.State, line.Mood = "Queued, and not tested", sentence(errors.New(e.Why)), "failed"
			lines = append(lines, line)
		case e.Over.IsZero() && !anyOf(paths, known.IsQueued):
			lines = append(lines, withoutRun(known, "In the queue: "+entryState(f.fleet, known)))
		}
	}
	for _, known := range f.fleet.Devices {
		if (known.Entry == nil || !known.Entry.Over.IsZero()) && !anyOf(paths, known.IsOf) {
			lines = append(lines, withoutRun(known, "The run has not begun"))
		}
	}
	return lines
}

// anyOf reports whether one of some run files is meant.
func anyOf(paths []string, meant func(file string) bool) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return meant(filepath.Base(path)) })
}

// withoutRun is the line of a device about which there is more to say than its runs do.
func withoutRun(known hub.Known, now string) reports.RunLine {
	return reports.RunLine{Subject: known.Name, Place: "agent " + known.Agent + ", placement " + known.Placement, Now: now}
}
