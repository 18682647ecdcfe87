package harness

// trust decides which facts may be used.
//
// Invariant: only a lane's own controls speak for its trials, and only those of
// the same sitting. A trial after which the device was not seen to work again
// counts if the next control that shows anything is a good one. One after which
// it was seen to work counts unless that control is a bad one.
func (h history) trust() {
	pending := map[bench][]int{} // the trials since the last good control
	settle := func(where bench, usable bool) {
		for _, trial := range pending[where] {
			h.facts[trial].usable = usable
		}
		delete(pending, where)
	}
	for i := range h.facts {
		f := &h.facts[i]
		where := f.bench()
		switch {
		case f.Suspect != "" || f.Abandoned || h.stale(f.Trial):
		case !f.Trial.Control():
			pending[where] = append(pending[where], i)
			f.usable = f.Recovered
		case f.good():
			f.usable = true
			settle(where, true)
		case f.bad():
			settle(where, false)
		}
	}
}

// trusted lists the facts that may be used, in the order in which they ended.
func (h history) trusted() (trusted []fact) {
	for _, f := range h.facts {
		if f.usable {
			trusted = append(trusted, f)
		}
	}
	return trusted
}

// heard lists the trusted facts that say whether a column worked. One in which it failed only after the device was
// provoked does not.
func (h history) heard(column Column) []fact {
	heard := make([]fact, 0, len(h.facts))
	for _, f := range h.facts {
		outcome := f.Outcomes[column.Scenario.Name]
		said := outcome.Answer == Pass || outcome.Answer == Fail && !f.Provoked.afterwards(outcome)
		if f.usable && said && column.hears(f.Trial) {
			heard = append(heard, f)
		}
	}
	return heard
}
