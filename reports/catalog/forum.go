package catalog

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/needwant/needwant/reports"
)

// Forum writes the table that the forum asked for, for each model: its seven
// heads word for word, and more behind them. It is Markdown as GitHub and
// Discourse read it.
func Forum(w io.Writer, models []Model) error {
	var out strings.Builder
	out.WriteString("# What devices need, and what they merely want\n")
	for _, m := range models {
		fmt.Fprintf(&out, "\n## %s\n\n", escape(m.Name))
		if m.Simulated() {
			out.WriteString("**Simulated:** this describes a world of the lab, not the product.\n\n")
		}
		fmt.Fprintf(&out, "%d %s: %s.\n\n", len(m.Evidence), plural(len(m.Evidence), "run"), escape(m.places()))
		m.table(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// The scenarios that the forum's table has columns for.
const (
	nativeApp = "native_app"
	hass      = "hass"
)

func (m Model) table(out *strings.Builder) {
	heads := []string{"Destination IP", "Destination URL/Location", "Protocol", "Port", "Service", "Required for Native App?", "Required for HASS?"}
	var more []Scenario
	for _, s := range m.Scenarios {
		if s.Name != nativeApp && s.Name != hass {
			more = append(more, s)
			heads = append(heads, s.Title)
		}
	}
	line(out, heads)
	line(out, strings.Split(strings.Repeat("---|", len(heads)-1)+"---", "|"))
	for _, row := range m.Rows {
		d := row.Destination
		cells := []string{strings.Join(row.Addresses, ", "), reports.HostName(d.Host()), strings.ToUpper(d.Protocol), d.PortText(), row.Service, row.sentence(nativeApp), row.sentence(hass)}
		for _, s := range more {
			cells = append(cells, row.sentence(s.Name))
		}
		line(out, cells)
	}
}

// sentence is the forum's own ??? where nobody looked.
func (r Row) sentence(scenario string) string {
	cell, judged := r.Cells[scenario]
	if !judged {
		return "???"
	}
	return cell.Sentence()
}

func line(out *strings.Builder, cells []string) {
	for _, cell := range cells {
		if strings.Trim(cell, "-") != "" || cell == "" {
			cell = escape(cell)
		}
		fmt.Fprintf(out, "| %s ", cell)
	}
	out.WriteString("|\n")
}

// escape makes text mean itself in Markdown.
func escape(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case strings.ContainsRune("<>&", r):
			fmt.Fprintf(&out, "&#%d;", r)
		case strings.ContainsRune("\\`*_[]|~#!$@", r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case unprintable(r):
			out.WriteByte(' ')
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// unprintable reports whether a character controls a terminal, or the direction of
// the text that follows, rather than being shown.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// places lists the firmwares and regions that there is evidence from.
func (m Model) places() string {
	var claim Claim
	for _, e := range m.Evidence {
		claim.Witnesses = append(claim.Witnesses, Witness{Firmware: e.Firmware, Region: e.Region, Regime: "steady", Fault: "reject"})
	}
	return claim.Where()
}
