package harness

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/needwant/needwant/harness/search"
)

// options are the run's settings in the words of the search, for some columns of
// one regime and fault.
// Every single answer is trusted only until two of them contradict each other:
// then answers are repeated and weighed, so that a stumble of the device does
// not spoil the run, and a device that is really repaired by blocking more is
// told from one that stumbled.
func (h history) options(columns []Column, journals ...[]search.Answer) search.Options {
	regime, fault := columns[0].Regime, columns[0].Fault
	order, err := strconv.Atoi(h.run.Settings.Order)
	noise := h.run.Settings.MaxNoise
	if noise == 0 && slices.ContainsFunc(journals, contradicts) {
		noise = usualNoise
	}
	var rates []float64
	for _, column := range columns {
		rates = append(rates, max(noise, h.falseFail(column)))
	}
	whole := h.run.Settings.Known != nil && h.run.Settings.Known.Whole
	var holds []float64
	if noise == 0 {
		holds = h.holds
	}
	return search.Options{
		Known:      h.hypotheses(columns),
		Whole:      whole,
		Exact:      err != nil,
		Order:      order,
		MaxNoise:   noise,
		Careful:    h.run.Settings.Careful,
		Confirm:    h.run.Settings.Confirm,
		FalseFail:  slices.Max(append(rates, noise)),
		FalseFails: rates,
		Blame:      h.run.Settings.Only != nil,
		Audits:     audits,
		Services:   h.services(),
		Kin:        h.kin(),
		Seed:       uint64(h.run.Settings.Seed),
		Windows:    h.windows(regime, fault),
		Untold:     h.untold(columns),
		Hold:       holds,
		Earlier:    func() []search.Explanation { return h.earlier(regime, fault) },
	}
}

// services numbers the kinds of the destinations: those of one protocol and
// port are of one kind.
func (h history) services() []int {
	kinds := map[Destination]int{}
	services := make([]int, len(h.universe))
	for i, d := range h.universe {
		kind := Destination{Protocol: d.Protocol, Port: d.Port}
		if _, known := kinds[kind]; !known {
			kinds[kind] = len(kinds)
		}
		services[i] = kinds[kind]
	}
	return services
}

// kin numbers the domains that the names of a blocklist were registered in: the names
// of one domain are likely to be alternatives. It is nil without a list.
func (h history) kin() []int {
	if h.run.Settings.Only == nil {
		return nil
	}
	domains := map[string]int{}
	kin := make([]int, len(h.universe))
	for i, d := range h.universe {
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(d.Name, "*."))
		if err != nil {
			domain = d.Name
		}
		if _, known := domains[domain]; !known {
			domains[domain] = len(domains)
		}
		kin[i] = domains[domain]
	}
	return kin
}
