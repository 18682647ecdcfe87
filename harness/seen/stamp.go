package seen

import (
	"strings"
	"time"
)

// The forms of dates at the beginning of a line: of rsyslog, journalctl -o short-iso,
// logread of OpenWrt, dmesg -T, and syslog. The last has no year.
var stamps = []string{
	"2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05-0700",
	"Mon Jan _2 15:04:05 2006",
	"[Mon Jan _2 15:04:05 2006]",
	"Jan _2 15:04:05",
}

// stamp reads the date that a line begins with. It is zero if there is none, for example
// because the line has only the seconds since the machine was started.
func stamp(line string, now time.Time) time.Time {
	for _, form := range stamps {
		text, _, _ := strings.Cut(line, " ")
		if strings.Contains(form, " ") {
			text = line[:min(len(form), len(line))]
		}
		at, err := time.ParseInLocation(form, text, time.Local)
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			at = inPast(at, now)
		}
		return at
	}
	return time.Time{}
}

// inPast gives a date its latest year that is not in the future. A day is allowed for
// clocks that differ.
func inPast(at, now time.Time) time.Time {
	year := now.Year()
	dated := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, at.Location())
	if dated.After(now.Add(24 * time.Hour)) {
		return dated.AddDate(-1, 0, 0)
	}
	return dated
}

// seconds makes a date of the seconds since 1970, with a fraction.
func seconds(since float64) time.Time {
	const latest = 1 << 33 // in the year 2242
	if !(since > 0 && since < latest) {
		return time.Time{}
	}
	return time.UnixMicro(int64(since * 1e6))
}
