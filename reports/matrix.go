package reports

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
)

// Matrix is the result of an experiment in the form that is published. Its
// fields, their names and their order are a contract, which contract_test.go
// checks. No list in it is ever null.
type Matrix struct {
	APIVersion string `json:"apiVersion"` // "needwant/v1"
	Kind       string `json:"kind"`       // "Matrix"
	Summary    string `json:"summary"`    // the result in plain words: [Matrix.Sentence]

	// Allow are, if only the names of a blocklist were tested, the smallest sets of them
	// to allow so that everything works, as dns/NAME. One empty set means that nothing has
	// to be allowed; none, that it is not known.
	Allow [][]string `json:"allow,omitempty"`

	Device  Device    `json:"device"`
	Run     Run       `json:"run"`
	Columns []Column  `json:"columns"`
	Rows    []Row     `json:"rows"`
	Cuts    []Cut     `json:"cuts"`
	Needs   []Need    `json:"needs"` // what the cuts say, in the order of the columns
	Safe    []Safe    `json:"safe"`
	Unknown []Unknown `json:"unknown"`

	// Unwaited are the destinations that no block waited for.
	Unwaited []Unwaited `json:"unwaited,omitempty"`

	// Outside is, with stand-ins, what is left to need for the columns of one regime and
	// fault, if a trial proved it.
	Outside []Outside `json:"outside,omitempty"`

	// Unverified are the destinations in whose place the device accepted a certificate that
	// it cannot know: a security finding.
	Unverified []Unverified `json:"unverified,omitempty"`
}

// Device is the thing under test.
type Device struct {
	Name     string `json:"name,omitempty"` // what its owner calls it
	Model    string `json:"model"`
	Firmware string `json:"firmware"`

	Maker []string `json:"maker,omitempty"` // the maker's domains, for example "xiaomi.com"
}

// Run says how the verdicts were come by. Times are in seconds.
type Run struct {
	ID       string          `json:"id"`
	Started  time.Time       `json:"started"`
	Trials   int             `json:"trials"`   // that blocked something, repeats included
	Controls int             `json:"controls"` // that blocked nothing
	Duration float64         `json:"duration_s"`
	Status   harness.Status  `json:"status"`
	Why      string          `json:"why,omitempty"` // why it ended like that, where that needs a reason
	Lanes    int             `json:"lanes"`
	Replicas []Replica       `json:"replicas,omitempty"` // the devices of the lanes, if they are several equal ones
	Faults   []harness.Fault `json:"faults"`
	Settle   float64         `json:"settle_s"`
	Worked   bool            `json:"worked,omitempty"`        // the device was seen to work with nothing blocked, in a control or after a trial that counts
	Horizon  float64         `json:"horizon_s"`               // how long the longest block was held: nothing is known of what comes later
	Longest  int             `json:"horizon_trial,omitempty"` // the trial of that block
	Kept     []string        `json:"kept"`                    // never blocked
	Confirm  int             `json:"confirm,omitempty"`       // failing trials that each need takes; 0 = 1

	Reachable []harness.Destination `json:"reachable,omitempty"` // that a person ordered to keep reachable during the run

	Recheck   *Recheck          `json:"recheck,omitempty"`   // the earlier matrix that was tested again
	Only      *Only             `json:"only,omitempty"`      // the blocklist of which only the names were tested
	Always    []harness.Pattern `json:"always,omitempty"`    // blocked in every trial, in the controls too
	Simulated bool              `json:"simulated,omitempty"` // the device is that of a lab world: the verdicts describe the world

	Isolated    bool     `json:"isolated,omitempty"`    // the device could not open connections to the home network
	ByName      bool     `json:"by_name,omitempty"`     // placement dns: only the device's DNS queries were seen and blocked
	Controllers []string `json:"controllers,omitempty"` // who in the home network it might call all the same
	Refused     []string `json:"refused,omitempty"`     // who there it called without success, as "tcp/3128/192.168.1.9"

	Sinkholes []harness.Sinkhole `json:"sinkholes,omitempty"` // names that the home's resolver blocks, at least at times
	Untested  []harness.Untested `json:"untested,omitempty"`  // what the device sent that no block tests, over all trials
}

// Only is a blocklist of which only the names were tested.
type Only struct {
	List    string `json:"list"` // the file
	Entries int    `json:"entries"`
	Ignored int    `json:"ignored,omitempty"` // lines that never block a name
	Free    int    `json:"free,omitempty"`    // most destinations, in one trial, that are not on it and were left alone
}

// Column is one scenario in one regime under one fault.
type Column struct {
	ID       string         `json:"id"`
	Scenario string         `json:"scenario"`
	Title    string         `json:"title"`
	Regime   harness.Regime `json:"regime"`
	Fault    harness.Fault  `json:"fault"`
	Vantage  string         `json:"vantage"`          // from where it is judged: "gateway", "lan" or "host"
	Checks   string         `json:"checks,omitempty"` // what it really checks
	Person   bool           `json:"person,omitempty"` // whether a person judges it

	// Controller is where the Home Assistant is that judges: "device" (in the
	// device's own network), "lan" or "host"; "" if none judges alone.
	Controller string `json:"controller,omitempty"`

	Certified string  `json:"certified"`  // "exact", "order 2", "recheck" (what an earlier run found, tested again) or "none"
	FalseFail float64 `json:"false_fail"` // probability that a check fails for no reason
	FalsePass float64 `json:"false_pass"`
}

// Row is one destination with a cell for each column, by the column's id.
type Row struct {
	Destination Destination     `json:"destination"`
	Cells       map[string]Cell `json:"cells"`
}

// Destination is what the device contacts.
type Destination struct {
	ID         harness.Destination `json:"id"`   // protocol/port/name
	Host       string              `json:"host"` // "" if the device asked for no name
	Addresses  []string            `json:"addresses"`
	Protocol   string              `json:"protocol"`              // "tcp", "udp" or "icmp"
	Port       uint16              `json:"port"`                  // 0 for every port, and for icmp
	Service    string              `json:"service"`               // e.g. "NTP"; "" if the port does not identify one
	FirstSeen  string              `json:"first_seen"`            // "control", "trial 7", or "import" if a log had it and no control saw it
	Every      float64             `json:"every_s,omitempty"`     // how often it is contacted: the longest time between two contacts in seconds; 0 if that is not known
	Last       time.Time           `json:"last_contact,omitzero"` // the last contact that was seen
	Once       bool                `json:"seen_once,omitempty"`   // that was the only one
	Provoked   []harness.Provoker  `json:"provoked_by,omitempty"` // what makes the device contact it that is contacted seldom otherwise: "lease", "link", "start"
	Collateral []string            `json:"collateral"`            // other names that blocking it hits too
	Owner      Owner               `json:"owner,omitzero"`
	Listed     []string            `json:"listed,omitempty"`  // its names on the blocklist, by itself or as a CNAME
	Aliases    []string            `json:"aliases,omitempty"` // names that must resolve for its name to resolve (CNAME)
	Named      string              `json:"named,omitempty"`   // how its name is known: "dns" from an answer, "tls" from what the server was asked by
	Private    string              `json:"private,omitempty"` // how it answers questions for names that nobody can read along, as "DNS over TLS"
}

// Cell is one verdict and its proof.
type Cell struct {
	Verdict   harness.Verdict `json:"verdict"`
	Cuts      []string        `json:"cuts"`                 // ids of the cuts that the destination is in
	OnlyWhile []string        `json:"only_while,omitempty"` // ids of the cuts one of which is blocked whenever it is contacted: a fallback
	Why       string          `json:"why"`
	Trials    []int           `json:"trials"`
	Attempts  int             `json:"attempts"` // of the device, that ran into the block

	// Held is how long it was blocked in one trial, in seconds: the longest that worked, or
	// until the scenario failed if it is in a cut. HeldAttempts are the attempts in that trial.
	Held         float64 `json:"held_s,omitempty"`
	HeldAttempts int     `json:"held_attempts,omitempty"`

	ExercisedBy []harness.Provoker `json:"exercised_by,omitempty"` // only right after this did the device try it while it was blocked: "lease", "link", "start"

	// Replaceable are the stand-ins with which it works without this, e.g. "ntp" for a
	// time server of one's own.
	Replaceable []harness.StandIn `json:"replaceable,omitempty"`
	Reached

	Confidence float64 `json:"confidence"` // 0 to 1; below 1 is never rounded up to 1
}

// Open reports whether the cell is not decided.
func (c Cell) Open() bool {
	return c.Verdict == harness.Undecided || c.Verdict == harness.NotExercised
}

// needed reports whether a cut has it.
func (c Cell) needed() bool {
	return c.Verdict == harness.Required || c.Verdict == harness.Alternative
}

// Decides reports whether any cell is decided.
func (m Matrix) Decides() bool {
	return slices.ContainsFunc(m.Rows, func(row Row) bool {
		return slices.ContainsFunc(m.Columns, func(c Column) bool { return !row.Cells[c.ID].Open() })
	})
}

// Cut is a minimal set of destinations whose blocking breaks a column.
type Cut struct {
	ID           string                `json:"id"`
	Column       string                `json:"column"`
	Destinations []harness.Destination `json:"destinations"`
	Trials       []int                 `json:"trials"`
	Replaceable  []harness.StandIn     `json:"replaceable,omitempty"` // with which it works while all of it is blocked
	Reached
}

// Reached says how the device may come to what answers instead of a destination.
type Reached struct {
	By   harness.Way   `json:"by,omitempty"`   // the gentlest way that was enough: "option-42", "name" or "redirect"
	Ways []harness.Way `json:"ways,omitempty"` // each that was, the gentlest first
}

// Safe is a set that was blocked all at once with the columns still working, each
// member of it proved by attempts. Every format and every export rests on it.
type Safe struct {
	Columns      []string              `json:"columns"`
	Destinations []harness.Destination `json:"destinations"`
	Trial        int                   `json:"trial"`            // that blocked it for longest; 0: no single trial blocked all of it
	Held         float64               `json:"held_s,omitempty"` // for how long that trial blocked it, in seconds
}

// Lasted is for how long one trial blocked all of it, in words, e.g. "24 h".
func (s Safe) Lasted() string { return lasting(s.Held) }

// Unverified is a destination whose certificate the device does not verify.
type Unverified struct {
	Destination harness.Destination `json:"destination"`
	Trials      []int               `json:"trials"` // in which it accepted another
}

// Outside is what some columns still need from outside if the owner has what stood in for
// the rest.
type Outside struct {
	Columns  []string              `json:"columns"`
	Left     []harness.Destination `json:"left"`      // that were not blocked; none if nothing is needed
	Replaced []harness.Replaced    `json:"replaced"`  // that were blocked, with a stand-in for each
	StandIns []harness.StandIn     `json:"stand_ins"` // that were used
	Trial    int                   `json:"trial"`     // that blocked all others at once
	Held     float64               `json:"held_s"`    // for how long, in seconds
}

// Unknown is what stayed open in a column, and why.
type Unknown struct {
	Column       string                `json:"column"`
	Why          string                `json:"why"`
	Destinations []harness.Destination `json:"destinations"`
}
