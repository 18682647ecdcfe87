package scenarios

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestAnExpectationThatIsNotMetSaysWhatWasExpectedAndWhatWasThere(t *testing.T) {
	result := MiioResult{Result: []any{map[string]any{"state": int64(8), "token": "0011", "name": "S50"}}, RTT: 12.5}
	for name, words := range map[string]struct{ text, says string }{
		"one comparison":              {`result[0].state in [3, 100]`, `expected result[0].state in [3, 100], got 8`},
		"the part that does not hold": {`result[0].state == 99 && rtt_ms < 2000`, `expected result[0].state == 99, got 8`},
		"the last part":               {`result[0].state == 8 && result[0].name == "S50" && rtt_ms < 2`, `expected rtt_ms < 2, got 12.5`},
		"parts of a part":             {`rtt_ms < 2000 and (result[0].state == 1 or result[0].name == "S5")`, `expected result[0].state == 1 or result[0].name == "S5", got result[0].state = 8 and result[0].name = "S50"`},
		"values that were saved":      {`result[0].state == saved.before`, `expected result[0].state == saved.before, got result[0].state = 8 and saved.before = 9`},
		"a call":                      {`len(result) > 3`, `expected len(result) > 3, got 1`},
		"no":                          {`not (result[0].state == 8)`, `expected not (result[0].state == 8), got 8`},
		"what is not there":           {`result[0].sate == 8`, `expected result[0].sate == 8, got nothing; there is no result[0].sate in it`},
		"no secret":                   {`result[0].token == "ff"`, `expected result[0].token == "ff", got (redacted)`},
	} {
		t.Run(name, func(t *testing.T) {
			expect := NewWithT(t)
			expectation, err := expecting(words.text, kindOf(new(Miio)), []string{"before"})
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(expectation.unmet(meanings(result, map[string]any{"before": int64(9)}))).To(Equal(words.says))
		})
	}
}
