package reports

import (
	"slices"

	"github.com/needwant/needwant/harness"
)

// sign is how a verdict looks in a terminal: the more a circle is filled, the
// more the destination is needed.
type sign struct {
	Verdict harness.Verdict
	Symbol  string
	Style   style
	Meaning string
}

// verdicts lists the signs, the strongest first.
func verdicts() []sign {
	return []sign{
		{harness.Required, "●", red, "breaks without it"},
		{harness.Alternative, "◐", yellow, "one of its group is needed"},
		{harness.Degraded, "◔", magenta, "works worse without it"},
		{harness.Optional, "○", green, "works without it"},
		{harness.NotExercised, "–", faint, "never tried while it was blocked"},
		{harness.Undecided, "?", cyan, "not known"},
	}
}

// legend is [verdicts], as they are to be read in this matrix: of some group, several may be
// needed.
func (r reading) legend() []sign {
	legend := verdicts()
	for i, v := range legend {
		if v.Verdict == harness.Alternative && slices.ContainsFunc(r.groups, func(g group) bool { return g.needed > 1 }) {
			legend[i].Meaning = "some of its group are needed"
		}
	}
	return legend
}

func signOf(verdict harness.Verdict) sign {
	for _, s := range verdicts() {
		if s.Verdict == verdict {
			return s
		}
	}
	return sign{Verdict: verdict, Symbol: "?"}
}

// style is an SGR parameter (ECMA-48, 8.3.117).
type style string

const (
	plain   style = ""
	bold    style = "1"
	faint   style = "2"
	red     style = "1;31"
	green   style = "32"
	yellow  style = "33"
	magenta style = "35"
	cyan    style = "36"
)

func (t Text) paint(s style, text string) string {
	if !t.Colour || s == plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
