package peers

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness/search"
)

// deviceVerb is the first argument of a program that is run as a device.
const deviceVerb = "device-for-bisect"

// IsDevice reports whether these arguments of a program ask for [Device].
func IsDevice(args []string) bool { return len(args) > 1 && args[1] == deviceVerb }

// Device plays the target of bisect: it blocks what the pattern says, reports
// each blocked destination, and reports whether it still works.
//
// The arguments after the verb are a file that grows by one byte a run, the
// pattern, the number of destinations, and the cuts.
func Device(args []string, out io.Writer) (works bool, err error) {
	if len(args) < 5 {
		return false, fmt.Errorf("running as a device: want a tally, a pattern and a number of destinations")
	}
	if err := count(args[2]); err != nil {
		return false, err
	}
	n, err := strconv.Atoi(args[4])
	if err != nil {
		return false, fmt.Errorf("running as a device: %w", err)
	}
	m := parsePattern(args[3])
	var blocked search.Set
	for x := range n {
		id := identity(x)
		if m.enables(id) {
			blocked = blocked.With(x)
		}
		if m.matches(id) {
			fmt.Fprintf(out, "destination %d [bisect-match %#x]\n", x, id)
		}
	}
	for _, text := range args[5:] {
		var cut search.Set
		for _, member := range strings.Split(text, ",") {
			x, err := strconv.Atoi(member)
			if err != nil {
				return false, fmt.Errorf("running as a device: %w", err)
			}
			cut = cut.With(x)
		}
		if cut.SubsetOf(blocked) {
			return false, nil
		}
	}
	return true, nil
}

func count(path string) error {
	tally, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("counting a trial: %w", err)
	}
	_, err = tally.WriteString(".")
	if closed := tally.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("counting a trial: %w", err)
	}
	return nil
}

// identity scatters destinations over the 64-bit ids by whose last bits bisect
// halves them (the mixer of SplitMix64).
func identity(x int) uint64 {
	z := (uint64(x) + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// pattern is what bisect asks to enable, as its documentation defines it:
// suffixes of ids in binary, or in hexadecimal after an x, added by + and then
// taken away by -; y stands for all, n for none; a leading ! inverts what is
// enabled but not what is reported, and a leading v asks for words.
type pattern struct {
	inverted bool
	terms    []term // the last that fits decides
}

type term struct {
	suffix string // in binary
	added  bool
}

func parsePattern(text string) pattern {
	var p pattern
	for text = strings.TrimLeft(text, "v"); strings.HasPrefix(text, "!"); text = text[1:] {
		p.inverted = !p.inverted
	}
	if text == "n" {
		p.inverted, text = !p.inverted, "y"
	}
	if strings.HasPrefix(text, "-") {
		text = "y" + text
	}
	for text = strings.TrimPrefix(text, "+"); text != ""; {
		end := strings.IndexAny(text[1:], "+-") + 1
		if end == 0 {
			end = len(text)
		}
		added := text[0] != '-'
		p.terms = append(p.terms, term{binary(strings.TrimLeft(text[:end], "+-")), added})
		text = text[end:]
	}
	return p
}

// binary is a suffix in binary digits; that of "y" is empty.
func binary(suffix string) string {
	digits, isHex := strings.CutPrefix(strings.TrimPrefix(suffix, "y"), "x")
	if !isHex {
		return digits
	}
	var bits strings.Builder
	for _, digit := range digits {
		value, _ := strconv.ParseUint(string(digit), 16, 4)
		fmt.Fprintf(&bits, "%04b", value)
	}
	return bits.String()
}

// matches reports whether the pattern names the id.
func (p pattern) matches(id uint64) bool {
	bits := fmt.Sprintf("%064b", id)
	for i := len(p.terms) - 1; i >= 0; i-- {
		if strings.HasSuffix(bits, p.terms[i].suffix) {
			return p.terms[i].added
		}
	}
	return false
}

func (p pattern) enables(id uint64) bool { return p.matches(id) != p.inverted }
