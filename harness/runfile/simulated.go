package runfile

import (
	"regexp"

	"github.com/needwant/needwant/harness"
)

// simulatedTexts match the text of a world, and that of a spec that puts a world's
// device behind the gateway. A comment on the line does not matter.
var simulatedTexts = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^[^#\n]*\bkind["']?\s*:\s*["']?World["']?\s*([,}#]|$)`),
	regexp.MustCompile(`(?m)^[^#\n]*\bplacement["']?\s*:\s*["']?lab["']?\s*([,}#]|$)`),
}

// simulated reports whether the device of a run is simulated. Runs of earlier
// versions do not say so themselves.
func simulated(settings harness.Settings) bool {
	for _, text := range simulatedTexts {
		if text.MatchString(settings.Text) {
			return true
		}
	}
	return settings.Simulated
}
