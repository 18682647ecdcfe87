// Package span writes lengths of time, [Words] for people to read and [Typed] as a
// spec or a flag takes them, and waits for one ([Wait]).
package span

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Words writes a length of time for people, such as "20 ms", "1.6 s", "2 min 5 s" or
// "3 h 20 min".
func Words(d time.Duration) string {
	switch {
	case d != 0 && d.Abs() < 100*time.Millisecond:
		return trimmed(float64(d)/float64(time.Millisecond)) + " ms"
	case d.Abs() < time.Minute:
		return trimmed(d.Seconds()) + " s"
	case d.Abs() < time.Hour:
		d = d.Round(time.Second)
		return pair(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	}
	return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
}

// Joint stands for the blank between a number and its unit, in a text that is broken into
// lines.
const Joint = "\x1f"

var unit = regexp.MustCompile(`\b(\d[\d.]*) (ms|s|min|h)\b`)

// Joined puts [Joint] into the lengths of time of a text, which a line must not break.
func Joined(text string) string { return unit.ReplaceAllString(text, "$1"+Joint+"$2") }

// trimmed is a number with one digit after the point at most.
func trimmed(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func pair(big int, bigUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

// Typed writes a length of time as one types it, such as "90s", "30m" or "1h30m".
func Typed(d time.Duration) string {
	text := d.String()
	if d.Abs() == 90*time.Second { // as every spec of the library has it
		return strconv.Itoa(int(d.Seconds())) + "s"
	}
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
