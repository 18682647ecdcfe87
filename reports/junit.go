package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// JUnit writes a test suite a column and a test case a destination, each of
// which claims that the column works without the destination. The claim holds
// for what is optional, is left out ("skipped") where the cell is open, and
// fails otherwise, with the verdict as its type. A run that failed with nothing
// blocked is one more suite, with an error. One in which nothing was judged has a
// case that is left out, since a build server takes no case at all for success.
func JUnit(w io.Writer, m Matrix) error {
	r := read(m)
	doc := junitSuites{Name: Clean("needwant: " + r.subject()), Time: r.Run.Duration}
	if r.Run.Status == harness.Failed {
		doc.add(r.junitFailedRun())
	} else if len(r.Rows) == 0 || len(r.Columns) == 0 {
		doc.add(r.junitNothing())
	}
	for i, column := range r.Columns {
		if len(r.Rows) > 0 {
			doc.add(r.junitSuite(column, r.headings[i]))
		}
	}
	text, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report for JUnit: %w", err)
	}
	_, err = w.Write([]byte(xml.Header + string(text) + "\n"))
	return err
}

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Time   float64      `xml:"time,attr"` // seconds
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Failure *junitReason `xml:"failure,omitempty"`
	Error   *junitReason `xml:"error,omitempty"`
	Skipped *junitReason `xml:"skipped,omitempty"`
	Output  string       `xml:"system-out,omitempty"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (d *junitSuites) add(s junitSuite) {
	for _, c := range s.Cases {
		s.Tests++
		s.Failures += flag(c.Failure)
		s.Errors += flag(c.Error)
		s.Skipped += flag(c.Skipped)
	}
	d.Tests += s.Tests
	d.Failures += s.Failures
	d.Errors += s.Errors
	d.Skipped += s.Skipped
	d.Suites = append(d.Suites, s)
}

func flag(reason *junitReason) int {
	if reason == nil {
		return 0
	}
	return 1
}

func (r reading) junitSuite(column Column, heading string) junitSuite {
	s := junitSuite{Name: Clean(heading), Timestamp: r.junitStart(), Properties: []junitProperty{
		{"column", Clean(column.ID)},
		{"device", Clean(r.subject())},
		{"run", Clean(r.Run.ID)},
		{"regime", Clean(string(column.Regime))},
		{"fault", Clean(string(column.Fault))},
		{"certified", Clean(column.Certified)},
		{"result", Clean(r.sentence())},
		{"simulated", strconv.FormatBool(r.Run.Simulated)},
	}}
	if len(r.Run.Always) > 0 {
		s.Properties = append(s.Properties, junitProperty{"always_blocked", Clean(r.always())})
	}
	for _, row := range r.Rows {
		s.Cases = append(s.Cases, r.junitCase(column, row))
	}
	return s
}

// junitStart is "" for a run of which the start is not known.
func (r reading) junitStart() string {
	if r.Run.Started.IsZero() {
		return ""
	}
	return r.Run.Started.Format(time.RFC3339)
}

func (r reading) junitCase(column Column, row Row) junitCase {
	cell := row.Cells[column.ID]
	c := junitCase{Class: Clean("needwant." + column.ID), Name: Clean(row.Destination.ID.String())}
	reason := &junitReason{Message: Clean(r.phrase(cell)), Type: Clean(string(cell.Verdict)), Text: Clean(r.testimony(cell))}
	switch {
	case cell.Verdict == harness.Optional:
		c.Output = reason.Text
	case cell.Open():
		c.Skipped = &junitReason{Message: Clean(strings.TrimSpace(string(cell.Verdict) + ": " + cell.Why))}
	default:
		c.Failure = reason
	}
	return c
}

// testimony is a cell's proof in a line: "It fails when only this is blocked.
// 12 attempts at the block in trial 4; confidence 99.9 %."
func (r reading) testimony(cell Cell) string {
	basis := count(cell.Attempts, "attempt") + " at the block"
	if len(cell.Trials) > 0 {
		basis += " in " + inTrials(cell.Trials)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s; confidence %s.", cell.Why, basis, percent(cell.Confidence)))
}

func (r reading) junitFailedRun() junitSuite {
	return junitSuite{Name: "with nothing blocked", Timestamp: r.junitStart(), Cases: []junitCase{{
		Class: "needwant", Name: "works with nothing blocked",
		Error: &junitReason{Message: Clean(r.state()), Type: string(r.Run.Status)},
	}}}
}

func (r reading) junitNothing() junitSuite {
	return junitSuite{Name: "destinations", Timestamp: r.junitStart(), Cases: []junitCase{{
		Class: "needwant", Name: "a destination was judged",
		Skipped: &junitReason{Message: Clean(r.sentence() + " " + capital(r.state()) + ".")},
	}}}
}
