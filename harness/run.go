package harness

import "time"

// Status tells how a run ended.
type Status string

const (
	Running     Status = "running"
	Complete    Status = "complete"
	OverBudget  Status = "budget"
	Interrupted Status = "interrupted"
	Failed      Status = "failed" // a scenario fails with nothing blocked
)

// Run is one experiment, from the first control to the last trial. A run file
// holds all of it, and [Judge] needs nothing else.
type Run struct {
	ID        string         `json:"id"`
	Started   time.Time      `json:"started"`
	Duration  time.Duration  `json:"duration"`
	Status    Status         `json:"status"`
	Why       string         `json:"why,omitempty"` // for a failed run: what failed with nothing blocked
	Device    Device         `json:"device"`
	Settings  Settings       `json:"settings"`
	Scenarios []ScenarioInfo `json:"scenarios"`
	Results   []Result       `json:"results"`          // in the order they ended
	Orders    []Order        `json:"orders,omitempty"` // that a person gave
}

// Blind says what a run cannot see or block in which only DNS queries are.
const Blind = "Only the device's DNS queries were seen, and names were blocked by how they were answered. Not seen, and never blocked: " +
	"what it contacts by an address that is built in; names that it resolves elsewhere (a second DNS server, a built-in one such as 8.8.8.8, DNS over HTTPS or TLS); " +
	"and connections that were open before a name was blocked. A restart (regime cold_boot) ends those."

// Device names the thing under test.
type Device struct {
	Name     string `json:"name,omitempty"`
	Model    string `json:"model"`
	Firmware string `json:"firmware,omitempty"`

	Maker []string `json:"maker,omitempty"` // the maker's domains, for example "xiaomi.com"
}

// ScenarioInfo is what a report says of a scenario.
type ScenarioInfo struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Vantage string `json:"vantage"`
	Checks  string `json:"checks,omitempty"` // footnote: what the column really checked
	Person  bool   `json:"person,omitempty"` // whether a person answers a question of it

	// Of are the scenarios that are judged as this one, in the order in which they are
	// checked. None means that it is a single scenario.
	Of []string `json:"of,omitempty"`

	// Controller is where the Home Assistant is whose word alone the column is:
	// [InDeviceNetwork], "lan" or "host"; "" if there is none, or it is not known.
	Controller string `json:"controller,omitempty"`
}

// Members are the names of the scenarios of the spec that this one consists of: its own
// name, unless several are judged as one.
func (s ScenarioInfo) Members() []string {
	if len(s.Of) > 0 {
		return s.Of
	}
	return []string{s.Name}
}

// InDeviceNetwork is a host in the device's own network. No packet between the two
// crosses the gateway.
const InDeviceNetwork = "device"

// Elsewhere says where a Home Assistant is, unless that is where a scenario is
// judged from; "" then, and if it is not known.
func Elsewhere(controller, vantage string) string {
	if controller == vantage {
		return ""
	}
	return map[string]string{InDeviceNetwork: "in the device's own network", "lan": "in the home network", "host": "on the machine that needwant runs on"}[controller]
}

// Settings are the choices a run was made with. Resuming uses them again.
type Settings struct {
	Source       string        `json:"source"` // the world or spec as it was given: a library name or a path
	Text         string        `json:"text"`   // its text, so that a run can be resumed without the file
	Driver       string        `json:"driver,omitempty"`
	Faults       []Fault       `json:"faults"`
	Regimes      []Regime      `json:"regimes"`
	Order        string        `json:"order"`                   // "exact" or a number
	Seed         int64         `json:"seed"`                    // of everything random in a lab
	Budget       int           `json:"budget"`                  // most trials that block something; 0 = a limit that grows with the destinations, see plan.limit
	ControlEvery int           `json:"control_every,omitempty"` // trials that block something, on one lane, between two controls; 0 = 8
	Lanes        int           `json:"lanes"`
	Replicas     []Replica     `json:"replicas,omitempty"` // the devices of the lanes, in their order; none if the lanes have one device, or are a world's
	MaxNoise     float64       `json:"max_noise"`          // 0 = every single answer is trusted
	Careful      bool          `json:"careful,omitempty"`
	Confirm      int           `json:"confirm,omitempty"`     // failing trials that each cut needs; 0 = 1
	Kept         []string      `json:"kept"`                  // never blocked, as "dhcp", "dns"
	Isolated     bool          `json:"isolated,omitempty"`    // the device is kept from the home network, except for answers to who calls it
	Controllers  []string      `json:"controllers,omitempty"` // of the home network, who it may call all the same
	StandIns     []StandIn     `json:"stand_ins,omitempty"`   // tried instead of what is needed, once that is known
	Always       []Pattern     `json:"always,omitempty"`      // blocked in every trial, controls included (block.always)
	Only         *OnlyList     `json:"only,omitempty"`        // the blocklist whose names alone are tested (block.only); nil tests everything
	First        bool          `json:"first,omitempty"`       // with a blocklist: end at the first set of names to allow (needwant why)
	Short        bool          `json:"short,omitempty"`       // the result is shown as one sentence, without the matrix (needwant why)
	Known        *Known        `json:"known,omitempty"`       // an earlier matrix that is tested again; nil searches
	Seen         []Contact     `json:"seen,omitempty"`        // destinations that other data has, for example a log: on the list before the first trial
	Simulated    bool          `json:"simulated,omitempty"`   // the device is a lab world's; set where the lane is made
	ByName       bool          `json:"by_name,omitempty"`     // only the device's DNS queries are seen and blocked (placement dns)
	Settle       time.Duration `json:"settle"`
	Longest      time.Duration `json:"longest,omitempty"`  // that a block is held on for what the device contacts seldom; 0 leaves it to the lane
	Horizon      time.Duration `json:"horizon,omitempty"`  // that the safe list is held; 0 is the longest period that is known, see [Run.Horizon]
	Provoke      []Provoker    `json:"provoke,omitempty"`  // what may be done during a trial to make the device contact what it contacts seldom
	Schedule     string        `json:"schedule,omitempty"` // the time of day in which anything may be blocked, e.g. "01:00-06:00"; "" is all day
	For          time.Duration `json:"for,omitempty"`      // that the last hold may take if nobody chose a horizon, if that is longer than Longest: as long as the run may take; 0 is no longer
}

// OnlyList is a blocklist of which a run tests the names, and nothing else.
type OnlyList struct {
	List    string   `json:"list"` // the file
	SHA256  string   `json:"sha256"`
	Entries int      `json:"entries"`
	Ignored int      `json:"ignored,omitempty"` // lines that never block a name
	Clients []string `json:"clients,omitempty"` // what the list may call the device
}

// Column is one scenario in one regime under one fault.
type Column struct {
	Scenario ScenarioInfo
	Regime   Regime
	Fault    Fault
	ID       string // the scenario's name, with @regime and /fault where the run has several
}

// Columns lists the run's columns, scenarios first.
func (r Run) Columns() []Column {
	var columns []Column
	for _, scenario := range r.Scenarios {
		for _, regime := range r.Settings.Regimes {
			for _, fault := range r.Settings.Faults {
				id := scenario.Name
				if len(r.Settings.Regimes) > 1 {
					id += "@" + string(regime)
				}
				if len(r.Settings.Faults) > 1 {
					id += "/" + string(fault)
				}
				columns = append(columns, Column{scenario, regime, fault, id})
			}
		}
	}
	return columns
}
