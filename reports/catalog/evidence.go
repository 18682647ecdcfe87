package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// Evidence is what one run says of one device, without what says whose it is.
type Evidence struct {
	APIVersion string `yaml:"apiVersion"` // "needwant/v1"
	Kind       string `yaml:"kind"`       // "Evidence"

	// Simulated evidence describes a world of the lab, not the product that the
	// world was named after.
	Simulated bool `yaml:"simulated,omitempty"`

	Model    string         `yaml:"model"`
	Firmware string         `yaml:"firmware"`
	Region   string         `yaml:"region"` // a country by its two letters (ISO 3166-1), or "unknown"
	Run      string         `yaml:"run"`    // its id, which is random
	Date     string         `yaml:"date"`   // of its start, e.g. 2024-05-06
	Status   harness.Status `yaml:"status"`
	Trials   int            `yaml:"trials"`
	Horizon  float64        `yaml:"horizon_s"`          // how long the longest block was held
	Left     int            `yaml:"left_out,omitempty"` // destinations within the home, which are nobody's business

	Columns      []Column      `yaml:"columns"`
	Destinations []Destination `yaml:"destinations"`
	Groups       []Group       `yaml:"groups,omitempty"`
}

// Column is one scenario in one regime under one fault.
type Column struct {
	ID        string         `yaml:"id"`
	Scenario  string         `yaml:"scenario"`
	Title     string         `yaml:"title"`
	Regime    harness.Regime `yaml:"regime"`
	Fault     harness.Fault  `yaml:"fault"`
	Certified string         `yaml:"certified"` // "exact", "order 2" or "none"
}

// Destination is what the device contacts, with a verdict for each column.
type Destination struct {
	ID        harness.Destination        `yaml:"id"` // a label of its name that could identify a device is "*"
	Addresses []string                   `yaml:"addresses,omitempty"`
	Service   string                     `yaml:"service,omitempty"`
	Verdicts  map[string]harness.Verdict `yaml:"verdicts"` // by the column's id
}

// Group is a set of alternatives: at least one of them is needed.
type Group struct {
	Column       string                `yaml:"column"`
	Destinations []harness.Destination `yaml:"destinations"`
}

// New takes the evidence from a run. The error says what would give its owner
// away, or what cannot be shared.
func New(run harness.Run, m reports.Matrix, region string) (Evidence, error) {
	if m.Run.Status == harness.Failed {
		return Evidence{}, errors.New("the run failed before it proved anything: see what needwant report says of it")
	}
	if !m.Decides() {
		return Evidence{}, errors.New("the run proves nothing, since no cell is decided: see what needwant report says of it")
	}
	hide := newHider(run)
	e := Evidence{
		APIVersion: "needwant/v1",
		Kind:       "Evidence",
		Simulated:  m.Run.Simulated,
		Model:      hide.word(m.Device.Model),
		Firmware:   hide.word(m.Device.Firmware),
		Region:     region,
		Run:        hide.word(m.Run.ID),
		Date:       m.Run.Started.UTC().Format("2006-01-02"),
		Status:     m.Run.Status,
		Trials:     m.Run.Trials,
		Horizon:    m.Run.Horizon,
	}
	for _, c := range m.Columns {
		e.Columns = append(e.Columns, Column{hide.word(c.ID), hide.word(c.Scenario), hide.text(c.Title), c.Regime, c.Fault, c.Certified})
	}
	ids := map[harness.Destination]harness.Destination{}
	for _, row := range m.Rows {
		d, public := hide.destination(row)
		if !public {
			e.Left++
			continue
		}
		ids[row.Destination.ID] = d.ID
		e.add(d)
	}
	for _, cut := range m.Cuts {
		if members := renamed(cut.Destinations, ids); len(members) > 1 {
			e.Groups = append(e.Groups, Group{hide.word(cut.Column), members})
		}
	}
	return e, e.Check()
}

// add joins destinations whose names are the same without what was hidden: the
// stronger verdict stays.
func (e *Evidence) add(d Destination) {
	for i, known := range e.Destinations {
		if known.ID != d.ID {
			continue
		}
		for column, verdict := range d.Verdicts {
			if strength(verdict) > strength(known.Verdicts[column]) {
				known.Verdicts[column] = verdict
			}
		}
		addresses := slices.Concat(known.Addresses, d.Addresses)
		slices.Sort(addresses)
		e.Destinations[i].Addresses = slices.Compact(addresses)
		return
	}
	e.Destinations = append(e.Destinations, d)
}

// strength orders verdicts by what it would cost to be wrong.
func strength(v harness.Verdict) int {
	order := []harness.Verdict{harness.Optional, harness.NotExercised, harness.Undecided, harness.Degraded, harness.Alternative, harness.Required}
	return slices.Index(order, v)
}

// renamed are the members of a cut that are shared, by their new ids.
func renamed(members []harness.Destination, ids map[harness.Destination]harness.Destination) []harness.Destination {
	var names []harness.Destination
	for _, member := range members {
		if id, shared := ids[member]; shared && !slices.Contains(names, id) {
			names = append(names, id)
		}
	}
	return names
}

var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@/ -]{0,79}$`)
	country   = regexp.MustCompile(`^([a-z]{2}|unknown)$`)
	day       = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	hostName  = regexp.MustCompile(`^(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?))*$`)
)

// Check says what is wrong with evidence, no matter who wrote it.
func (e Evidence) Check() error {
	switch {
	case e.APIVersion != "needwant/v1" || e.Kind != "Evidence":
		return fmt.Errorf("it is no evidence: apiVersion must be needwant/v1, and kind Evidence")
	case !country.MatchString(e.Region):
		return fmt.Errorf("region %q: write a country by its two letters, e.g. nz, or unknown", e.Region)
	case !day.MatchString(e.Date):
		return fmt.Errorf("date %q: write it as 2024-05-06", e.Date)
	case len(e.Columns) == 0:
		return fmt.Errorf("it has no columns: nothing was judged")
	}
	words := []string{e.Model, e.Firmware, e.Run, string(e.Status)}
	for _, c := range e.Columns {
		words = append(words, c.ID, c.Scenario, string(c.Regime), string(c.Fault), c.Certified)
		if len(c.Title) > 120 || strings.ContainsFunc(c.Title, unprintable) {
			return fmt.Errorf("title %q: one line of at most 120 bytes", c.Title)
		}
	}
	for _, word := range words {
		if !plainWord.MatchString(word) {
			return fmt.Errorf("%q: letters, digits and . _ - @ / are all that may be here", word)
		}
	}
	for _, d := range e.Destinations {
		if err := e.checkDestination(d); err != nil {
			return err
		}
	}
	for _, g := range e.Groups {
		for _, id := range g.Destinations {
			if !slices.ContainsFunc(e.Destinations, func(d Destination) bool { return d.ID == id }) {
				return fmt.Errorf("group of %s: there is no destination %q", g.Column, id)
			}
		}
	}
	return e.private()
}

func (e Evidence) checkDestination(d Destination) error {
	if _, err := harness.ParseDestination(d.ID.String()); err != nil {
		return err
	}
	if _, bare := d.ID.Address(); !bare && !hostName.MatchString(d.ID.Name) {
		return fmt.Errorf("destination %q: its name is not well-formed", d.ID)
	}
	for _, text := range d.Addresses {
		if _, err := netip.ParseAddr(text); err != nil {
			return fmt.Errorf("destination %s: %q is not an address", d.ID, text)
		}
	}
	if d.Service != "" && !plainWord.MatchString(d.Service) {
		return fmt.Errorf("destination %s: service %q is not a plain word", d.ID, d.Service)
	}
	for column, verdict := range d.Verdicts {
		if !slices.ContainsFunc(e.Columns, func(c Column) bool { return c.ID == column }) {
			return fmt.Errorf("destination %s: there is no column %q", d.ID, column)
		}
		if strength(verdict) < 0 {
			return fmt.Errorf("destination %s: there is no verdict %q", d.ID, verdict)
		}
	}
	return nil
}
