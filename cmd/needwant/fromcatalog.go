package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
	"github.com/needwant/needwant/scenarios"
)

// A run can begin from what a catalog says of another device of the same model. That is a
// hypothesis, and no verdict: each need of it is tested on this device, and so is what can be blocked.

// fromCatalog gives a run that has not begun the hypothesis that a catalog has for it, if the
// user named a catalog.
func (f *bisectFlags) fromCatalog(out io.Writer, file scenarios.File, run *harness.Run) error {
	switch {
	case f.catalog == "":
		return nil
	case run.Device.Model == "":
		return usage(errors.New("--catalog finds entries by the device's model: add device: {model: …} to the spec"))
	case len(f.others) > 0:
		return usage(errors.New("--catalog is for one device: leave out the other specs, or --catalog"))
	}
	all, err := catalog.OfModel(f.catalog, run.Device.Model)
	if err != nil {
		return usage(err)
	}
	known := hypothesisFor(*run, all, f.catalog, file.Gateway.Placement == scenarios.Lab)
	if known == nil {
		laid(out, fmt.Sprintf("The catalog has no entry of %s that decides a scenario of this spec: the run searches from the beginning.", run.Device.Model))
		return nil
	}
	known.Whole = run.Settings.Order != defaultOrder
	run.Settings.Known, run.Settings.StandIns = known, []harness.StandIn{} // as in a recheck
	laid(out, fmt.Sprintf("The run begins from %s, firmware %s: it tests that on this device, and searches what differs.", known, cmp.Or(known.Firmware, "unknown")))
	return nil
}

// hypothesisFor is what the evidence on a run's model says of it; nil if there is nothing. It prefers the
// firmware of the device, then what says more of the run's columns, then what is newer. What a lab
// found is used in a lab only.
func hypothesisFor(run harness.Run, all []catalog.Evidence, directory string, simulated bool) *harness.Known {
	type candidate struct {
		*harness.Known
		same   bool // the firmware
		shared int  // columns
	}
	var found []candidate
	for _, e := range all {
		if e.Simulated != simulated {
			continue
		}
		known, err := e.Known(filepath.Join(directory, e.Path()))
		if err != nil { // it decides nothing
			continue
		}
		known.Catalog = true
		if shared := len(sharedColumns(run, known)); shared > 0 {
			same := e.Firmware != "" && e.Firmware == run.Device.Firmware
			found = append(found, candidate{known, same, shared})
		}
	}
	if len(found) == 0 {
		return nil
	}
	return slices.MaxFunc(found, func(a, b candidate) int {
		return cmp.Or(yesLast(a.same, b.same), cmp.Compare(a.shared, b.shared), a.Started.Compare(b.Started), cmp.Compare(a.Run, b.Run))
	}).Known
}

// yesLast puts false before true.
func yesLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
