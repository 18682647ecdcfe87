package reports

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// notes say what the verdicts rest on: what each column really checked, what
// was special about a destination, and what was not tested at all.
func (r reading) notes() section {
	lines := slices.Concat(
		r.simulation(),
		r.believed(),
		distinct(r.Columns, checked),
		r.conditions(),
		r.blind(),
		r.noise(),
		r.remarks(),
		r.seldom(),
		r.notWaitedFor(),
		r.onlyProvoked(),
		r.sinkholes(),
		r.limits())
	return section{"What these verdicts rest on", lines}
}

// simulation says that the device is not a product.
func (r reading) simulation() []string {
	if !r.Run.Simulated {
		return nil
	}
	return []string{"The device is simulated: these verdicts describe a world of the lab, not the product that it is named after."}
}

// blind says what a run cannot see in which only DNS queries are seen. If no name was needed,
// the device may have resolved them elsewhere.
func (r reading) blind() []string {
	if !r.Run.ByName {
		return nil
	}
	proved := false
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			if cell.Verdict == harness.Required || cell.Verdict == harness.Alternative {
				return []string{harness.Blind}
			}
			proved = proved || cell.Verdict == harness.Optional
		}
	}
	if !proved {
		return []string{harness.Blind}
	}
	return []string{harness.Blind, "No name was needed here. Perhaps the device resolves a name elsewhere when this resolver blocks it: a placement that sees the device's packets shows whether it does."}
}

// distinct says of each column what there is to be said, but nothing twice.
func distinct(columns []Column, say func(Column) string) []string {
	var lines []string
	for _, column := range columns {
		if line := say(column); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// checked is the footnote of a scenario: an answer over the local protocol is
// not the vendor's app on a mobile network.
func checked(c Column) string {
	judge := "from the " + c.Vantage
	switch {
	case c.Person:
		judge = "by a person"
	case c.Vantage == "lan":
		judge = "from the home network"
	}
	if c.Checks == "" {
		return fmt.Sprintf("%s is judged %s%s.", c.Scenario, judge, controller(c))
	}
	if c.Person {
		judge = "judged " + judge
	}
	return fmt.Sprintf("%s checks %s, %s%s.", c.Scenario, strings.TrimSuffix(c.Checks, "."), judge, controller(c))
}

// controller says where the Home Assistant is that judges, if it is somewhere else.
func controller(c Column) string {
	if place := harness.Elsewhere(c.Controller, c.Vantage); place != "" {
		return "; its Home Assistant is " + place
	}
	return ""
}

// conditions are the faults and the regimes that the columns were judged under.
func (r reading) conditions() []string {
	faults := distinct(r.Columns, func(c Column) string { return c.Fault.About() })
	regimes := distinct(r.Columns, func(c Column) string { return regime(c.Regime) })
	if len(faults)+len(regimes) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Blocked by %s; judged %s.", enumerate(faults), enumerate(regimes))}
}

func regime(r harness.Regime) string {
	if r == harness.ColdBoot {
		return "after a power cycle while blocked"
	}
	return "in the " + strings.ReplaceAll(string(r), "_", " ") + " state"
}

// noise says how often a check was taken to be wrong by itself; of each column,
// where they differ.
func (r reading) noise() []string {
	rates := distinct(r.Columns, r.noiseOf)
	if len(rates) < 2 {
		return rates
	}
	return distinct(r.Columns, func(c Column) string { return c.ID + ": " + r.noiseOf(c) })
}

func (r reading) noiseOf(c Column) string {
	switch {
	case c.FalseFail+c.FalsePass > 0:
	case r.Run.Confirm > 1:
		return fmt.Sprintf("An answer was trusted by itself if it worked. What is needed had to fail in %s trials.", number(r.Run.Confirm))
	default:
		return "One trial was enough for an answer: no chance failure was allowed for."
	}
	return fmt.Sprintf("Noise allowed for: %s false failures, %s false passes.", percent(c.FalseFail), percent(c.FalsePass))
}

func percent(p float64) string {
	return strconv.FormatFloat(round(p*100, 2), 'f', -1, 64) + " %"
}

// remarks are what a reader has to know of single destinations.
func (r reading) remarks() []string {
	var lines []string
	for _, row := range r.Rows {
		d := row.Destination
		if len(d.Collateral) > 0 {
			lines = append(lines, fmt.Sprintf("%s cannot be told from %s%s: same address and port, so that a block hits both.",
				called(d.ID), enumerate(d.Collateral), r.exceptByName()))
		}
		if line := standsForMany(d.ID); line != "" {
			lines = append(lines, line)
		}
		if line := bypass(d); line != "" {
			lines = append(lines, line)
		}
		if d.FirstSeen == "import" {
			lines = append(lines, fmt.Sprintf("%s is on the list because imported data has it: the device did not contact it while nothing was blocked.", called(d.ID)))
		}
		if strings.HasPrefix(d.FirstSeen, "trial ") {
			why := "a fallback that only blocking revealed"
			if d.Every > r.Run.Settle {
				why = "its contacts are up to " + lasting(d.Every) + " apart"
			}
			lines = append(lines, fmt.Sprintf("%s was first seen in %s: %s.", called(d.ID), d.FirstSeen, why))
		}
	}
	return lines
}

// mostSeldom is how many of the destinations are listed that are contacted seldom.
const mostSeldom = 20

// seldom says how often the device contacts what it contacts less often than a block
// needs to settle.
func (r reading) seldom() []string {
	var seldom []string
	for _, row := range r.Rows {
		if often := r.often(row.Destination); often != "" {
			seldom = append(seldom, fmt.Sprintf("%s (%s)", called(row.Destination.ID), often))
		}
	}
	if len(seldom) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("The device does not always contact these within the %s that a block settles: %s.", lasting(r.Run.Settle), enumerate(upTo(mostSeldom, seldom)))}
}

// often is how often a destination is contacted; "" if that is about as often as a block
// settles or more, or not known.
func (r reading) often(d Destination) string {
	seldom := d.Every > 2*r.Run.Settle
	silent := r.Run.Started.Add(time.Duration(r.Run.Duration * float64(time.Second))).Sub(d.Last)
	switch {
	case len(d.Provoked) > 0 && d.Every == 0:
		return Moments(d.Provoked)
	case len(d.Provoked) > 0 && seldom:
		return Moments(d.Provoked) + ", and then up to " + lasting(d.Every) + " apart"
	case seldom:
		return "up to " + lasting(d.Every) + " apart"
	case d.Every == 0 && !d.Last.IsZero() && silent.Seconds() > r.Run.Settle:
		return Seen(d.Once, lasting(silent.Seconds())+" before the run ended")
	}
	return ""
}

// Seen says when the device contacted something that it contacted once, or does not contact any more.
func Seen(once bool, when string) string {
	if once {
		return "seen once, " + when
	}
	return "seen last " + when
}

// Moments are when the device contacts something because it is provoked, e.g. "at the start".
func Moments(provokers []harness.Provoker) string {
	words := []string{}
	for _, p := range provokers {
		words = append(words, map[harness.Provoker]string{harness.ByStart: "at the start", harness.ByLink: "when its link comes up", harness.ByLease: "when it gets a new lease"}[p])
	}
	return strings.Join(words, ", ")
}

// standsForMany says what a row is that stands for more than one destination.
func standsForMany(d harness.Destination) string {
	domain, everyName := d.Domain()
	switch {
	case everyName:
		return fmt.Sprintf("%s stands for every name below %s: they did not repeat, and were blocked all at once.", called(d), domain)
	case d.EveryPort():
		return fmt.Sprintf("%s was contacted on many ports of %s, which were blocked all at once.", HostName(d.Name), d.Protocol)
	}
	return ""
}

// bypass says how a device goes past the gateway's own resolver, or where nobody
// can look.
func bypass(d Destination) string {
	switch {
	case d.Private != "" && d.ID.Protocol == harness.DNS:
		return fmt.Sprintf("The device got the address of %s (%s): a name that it resolves there is not seen here.", d.ID.Name, d.Private)
	case d.Private != "":
		return fmt.Sprintf("The device goes past the resolver: it asks %s for names, by %s, which the gateway cannot read. An address that it learns there has no name here.",
			called(d.ID), d.Private)
	case d.ID.Port == 53 && d.Host == "":
		return fmt.Sprintf("The device asks %s for names, and not the resolver that it was given; the gateway answered in its place, with the answers of the home's resolver.", called(d.ID))
	case d.ID.Protocol == harness.UDP && d.ID.Port == 443:
		return fmt.Sprintf("%s is QUIC, in which the gateway reads no server's name.", called(d.ID))
	case d.Named == "tls":
		return fmt.Sprintf("No answer named %s: its name is what the device asked the server by.", called(d.ID))
	}
	return ""
}

// exceptByName is for a run that blocked names in DNS, which tells those apart that
// share an address.
func (r reading) exceptByName() string {
	if slices.Contains(r.Run.Faults, harness.NXDomain) {
		return " but by nxdomain"
	}
	return ""
}

// sinkholes lists the names that the home's resolver blocks: the device could not
// reach them, whatever the gateway did.
func (r reading) sinkholes() []string {
	const most = 10 // names, and addresses of each
	if len(r.Run.Sinkholes) == 0 {
		return nil
	}
	blocked := each(r.Run.Sinkholes, func(s harness.Sinkhole) string {
		return fmt.Sprintf("%s (it answers %s)", s.Name, enumerate(upTo(most, each(s.Addresses, netip.Addr.String))))
	})
	return []string{fmt.Sprintf("The home's resolver blocks %s, always or at times. To find out what the device needs there, allow these names at the resolver and run again.",
		enumerate(upTo(most, blocked)))}
}

// upTo shortens a list and says how many it leaves out.
func upTo(most int, list []string) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("%d more", len(list)-most))
}

// isolation says who in the home network the device could not call.
func (r reading) isolation() []string {
	if !r.Run.Isolated {
		return nil
	}
	except := ""
	if len(r.Run.Controllers) > 0 {
		except = ", except to " + enumerate(r.Run.Controllers)
	}
	lines := []string{fmt.Sprintf("The device could not open connections to the home network%s; it could only reply.", except)}
	if len(r.Run.Refused) > 0 {
		lines = append(lines, "It called there without success: "+enumerate(r.Run.Refused)+". Name a host in gateway: {controllers: [...]} if it needs it.")
	}
	return lines
}

// fewUntested is how much of what was not tested is listed.
const fewUntested = 10

// untested lists what the device sent that no block tests.
func (r reading) untested() []string {
	if len(r.Run.Untested) == 0 {
		return nil
	}
	var seen []string
	for _, u := range r.Run.Untested[:min(fewUntested, len(r.Run.Untested))] {
		text := fmt.Sprintf("%s to %s (%d packets", u.What, u.To, u.Packets)
		if u.Dropped {
			text += ", dropped"
		}
		seen = append(seen, text+")")
	}
	if more := len(r.Run.Untested) - fewUntested; more > 0 {
		seen = append(seen, fmt.Sprintf("%d more", more))
	}
	return []string{"Seen and not tested: " + enumerate(seen) + ". Only TCP, UDP and ICMP echoes from the device's own address are tested, to a limited number of destinations; no verdict and no export is about the rest."}
}

func (r reading) limits() []string {
	var lines []string
	if len(r.Run.Kept) > 0 {
		lines = append(lines, "Never blocked: "+enumerate(r.Run.Kept)+".")
	}
	if len(r.Run.Always) > 0 {
		lines = append(lines, "Blocked in every trial, in the controls too: "+r.always()+". The verdicts hold with that blocked, and only then.")
	}
	if len(r.Run.Reachable) > 0 {
		lines = append(lines, "Kept reachable by a person's order: "+enumerate(each(r.Run.Reachable, harness.Destination.String))+". The verdicts on everything else hold with that reachable.")
	}
	lines = append(lines, r.replicas()...)
	lines = append(lines, r.isolation()...)
	lines = append(lines, r.untested()...)
	if r.Run.Horizon > 0 {
		lines = append(lines, r.horizon())
	}
	return lines
}

// horizon says how long the longest block was, of whatever destinations.
func (r reading) horizon() string {
	in := ""
	if r.Run.Longest > 0 { // 0 in reports of earlier versions
		in = fmt.Sprintf(", in trial %d", r.Run.Longest)
	}
	return fmt.Sprintf("The longest block lasted %s%s. What the device does after that is not known.", lasting(r.Run.Horizon), in)
}
