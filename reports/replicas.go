package reports

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness"
)

// Replica is one of several equal devices of a run.
type Replica struct {
	Name     string       `json:"name"`
	Trials   int          `json:"trials"` // that blocked something
	Controls int          `json:"controls"`
	Agrees   bool         `json:"agrees"`   // every cut broke it, and it worked with the safe list blocked
	Cuts     int          `json:"cuts"`     // that broke it, each blocked alone
	Unproved int          `json:"unproved"` // cuts of which that is not known
	Safe     bool         `json:"safe"`     // it worked with the safe list blocked
	Differs  []Difference `json:"differs"`  // from the others: then its answers were not used for any verdict
}

// Difference is a set of destinations with which a replica does not do what the others do.
type Difference struct {
	Column       string                `json:"column"`
	Destinations []harness.Destination `json:"destinations"` // blocked
	Works        bool                  `json:"works"`        // the replica works then, and the others do not; else the other way round
	Trials       []int                 `json:"trials"`       // of the replica
	Others       []int                 `json:"others"`       // trials of the others
}

func replica(v harness.ReplicaVerdict) Replica {
	return Replica{v.Name, v.Trials, v.Controls, v.Agrees(), v.Cuts, v.Unproved, v.Safe, each(v.Differs, func(d harness.Difference) Difference {
		return Difference{d.Column.ID, list(d.Block), d.Works, list(d.Trials), list(d.Others)}
	})}
}

// differing are the replicas that differ.
func (r reading) differing() []Replica {
	return slices.DeleteFunc(slices.Clone(r.Run.Replicas), func(one Replica) bool { return len(one.Differs) == 0 })
}

// unequal names the replicas that differ, for the sentence; "" if there are none.
func (r reading) unequal() string {
	names := each(r.differing(), func(one Replica) string { return one.Name })
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0] + " has different needs: this is not true of it."
	}
	return enumerate(names) + " have different needs: this is not true of them."
}

// replicas says on which devices the run was carried out, and whether the result is true of each.
func (r reading) replicas() (lines []string) {
	if len(r.Run.Replicas) == 0 {
		return nil
	}
	var agree []string
	for _, one := range r.Run.Replicas {
		if one.Agrees {
			agree = append(agree, one.Name)
		}
	}
	lines = append(lines, fmt.Sprintf("%d devices shared the trials.", len(r.Run.Replicas)))
	if len(agree) > 0 {
		lines[0] += fmt.Sprintf(" The result was checked on %s: each cut broke it, and it worked with the safe list blocked.", enumerate(agree))
	}
	for _, one := range r.Run.Replicas {
		switch {
		case len(one.Differs) > 0:
			lines = append(lines, one.different())
		case !one.Agrees:
			lines = append(lines, one.unchecked())
		}
	}
	return lines
}

// different says how a replica differs.
func (one Replica) different() string {
	d := one.Differs[0]
	here, there := "fails", "works"
	if d.Works {
		here, there = there, here
	}
	return fmt.Sprintf("%s has different needs: with %s blocked, %s %s on it (%s) and %s on the others (%s). The verdicts are those of the others. To find out what it needs, run needwant bisect with its spec alone.",
		one.Name, enumerate(each(d.Destinations, harness.Destination.String)), d.Column, here, inTrials(d.Trials), there, inTrials(d.Others))
}

// unchecked says what of the result was not checked on a replica.
func (one Replica) unchecked() string {
	var open []string
	if one.Unproved > 0 {
		open = append(open, fmt.Sprintf("%d of %s", one.Unproved, count(one.Cuts+one.Unproved, "cut")))
	}
	if !one.Safe {
		open = append(open, "the safe list")
	}
	return fmt.Sprintf("Not checked on %s, which took part in %s and %s: %s.", one.Name, count(one.Trials, "trial"), count(one.Controls, "control"), enumerate(open))
}
