package reports

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// timeline is the drawing of the trials: one column of cells a trial, in the
// order they began; the scenarios above, the destinations below. All measures
// are in CSS pixels.
type timeline struct {
	Width, Height int
	Sideways      int // the last trial, if a phone shows it only after scrolling; 0 if not
	Labels        int // width of the part with the names
	Cell          int // width of a trial
	Line          int // height of a row
	Mid           int // where a row's text stands
	Ticks         []tick
	Lanes         []answerLane
	Bars          []barLane
	Grid          string       // lines between the trials
	Count         int          // of the trials
	Narrow        bool         // no room for signs
	Picture       template.URL // the bars, where they are too many to be drawn one by one
	Middle, Thick int          // of the bars, from a row's top
	Foot          int          // where the times stand
	Top, Bottom   int          // of the lines
	First         int          // top of the destinations
	Across, Down  int          // of all their cells
	Suspects      []int        // x of the trials of which nothing was concluded
	About         string
}

// tick is a trial that is named, and when it began.
type tick struct {
	X      int
	Number int
	Began  string
	Shown  bool // whether there is room for the time
	Time   int  // where the time stands, at its Anchor: the first begins with its trial
	Anchor string
}

// answerLane is a column's answers: each kind as the path of its signs, or,
// where trials are too narrow for signs, as dashes along the line.
type answerLane struct {
	Y                   int
	Label               string
	Narrow              bool
	Pass, Fail, Unclear string
}

// barLane is a destination: where it was blocked, in dashes along the line.
type barLane struct {
	Y            int
	Label        string
	Striped      bool
	Tried, Quiet string
}

const (
	labelWidth   = 190
	labelLetters = 27
	phoneWidth   = 330 // that a page leaves for the drawing
	headLetters  = 24
	headHeight   = 22
	laneGap      = 12
	footHeight   = 24
	leastSign    = 10     // a trial narrower than this has no room for a sign
	mostCells    = 30_000 // drawn one by one: 300,000 of them, scattered, would take half a megabyte
)

// newTimeline draws the trials; nil where there are none.
func newTimeline(r reading, trials []Trial) *timeline {
	if len(trials) == 0 || len(r.Rows) == 0 {
		return nil
	}
	t := &timeline{Labels: labelWidth, Cell: min(26, max(4, 860/len(trials))), Line: 20}
	if len(r.Rows) > 60 {
		t.Line = 13
	}
	t.Narrow = t.Cell < leastSign
	t.Mid, t.Middle, t.Thick, t.Count = t.Line/2+4, t.Line/2, t.Line-6, len(trials)
	t.Width = len(trials)*t.Cell + 40 // the last time needs room
	if t.Labels+t.Width > phoneWidth {
		t.Sideways = trials[len(trials)-1].Number
	}
	y := headHeight
	t.Top = y
	for i, column := range r.Columns {
		lane := answerLane{Y: y, Label: Shorten(Clean(r.headings[i]), headLetters), Narrow: t.Narrow}
		t.answers(&lane, column.ID, trials)
		t.Lanes = append(t.Lanes, lane)
		y += t.Line
	}
	y += laneGap
	bars := newBars(len(r.Rows), trials)
	t.First = y
	if len(r.Rows)*len(trials) > mostCells {
		t.Picture = bars.picture()
	}
	for i, row := range r.Rows {
		lane := barLane{Y: y, Label: Shorten(Clean(nameOf(row.Destination)), labelLetters), Striped: i%2 == 0}
		if t.Picture == "" {
			lane.Tried, lane.Quiet = dashes(bars[i], tried), dashes(bars[i], quiet)
		}
		t.Bars = append(t.Bars, lane)
		y += t.Line
	}
	t.Across, t.Down = len(trials)*t.Cell, y-t.First
	t.Bottom, t.Foot, t.Height = y, y+15, y+footHeight
	t.ticks(trials)
	t.About = fmt.Sprintf("%s side by side, from the first to the last: above, which scenarios worked; below, a bar where a destination was blocked. The same is listed in words under “The trials in words”.",
		count(len(trials), "trial"))
	return t
}

func (t *timeline) answers(lane *answerLane, column string, trials []Trial) {
	given := each(trials, func(trial Trial) harness.Answer { return trial.Answers[column].Answer })
	draw := func(kind harness.Answer) string { return dashes(given, kind) }
	if !lane.Narrow {
		draw = func(kind harness.Answer) string { return t.signs(lane.Y, given, kind) }
	}
	lane.Pass, lane.Fail, lane.Unclear = draw(harness.Pass), draw(harness.Fail), draw(harness.Inconclusive)
}

// signs are the ticks, crosses or strokes for one kind of answer, as a path.
func (t *timeline) signs(top int, given []harness.Answer, kind harness.Answer) string {
	var out strings.Builder
	y := float64(top) + float64(t.Line)/2
	for i, answer := range given {
		x := (float64(i) + 0.5) * float64(t.Cell)
		switch {
		case answer != kind:
		case kind == harness.Pass:
			fmt.Fprintf(&out, "M%g %gl3 3 5-6", x-4, y)
		case kind == harness.Fail:
			fmt.Fprintf(&out, "M%g %gl8 8m0-8l-8 8", x-4, y-4)
		default:
			fmt.Fprintf(&out, "M%g %gh8", x-4, y)
		}
	}
	return out.String()
}

// ticks name as many trials as there is room for, and the lines between.
func (t *timeline) ticks(trials []Trial) {
	const numberWidth, timeWidth = 24, 86
	every := 1
	for _, step := range []int{1, 2, 5, 10, 20, 50, 100} {
		if every = step; step*t.Cell >= numberWidth {
			break
		}
	}
	var grid strings.Builder
	free := 0
	for i, trial := range trials {
		if t.Cell >= 8 {
			fmt.Fprintf(&grid, "M%d %dV%d", i*t.Cell, t.Top, t.Bottom)
		}
		if trial.Suspect != "" {
			t.Suspects = append(t.Suspects, i*t.Cell)
		}
		if i%every != 0 {
			continue
		}
		x := i*t.Cell + t.Cell/2
		shown := x >= free
		if shown {
			free = x + timeWidth
		}
		t.Ticks = append(t.Ticks, tick{x, trial.Number, lasting(trial.Began), shown, x, "middle"})
	}
	t.Grid = grid.String()
	t.Ticks[0].Time, t.Ticks[0].Anchor = 0, "start"
}

// bars say of each row in which trials it was blocked.
type bars [][]presence

type presence byte

const (
	unblocked presence = iota
	quiet              // blocked, and never tried
	tried              // blocked, and tried
)

func newBars(rows int, trials []Trial) bars {
	b := make(bars, rows)
	for i := range b {
		b[i] = make([]presence, len(trials))
	}
	for x, trial := range trials {
		for _, row := range trial.Blocked {
			b[row][x] = quiet
		}
		for _, row := range trial.Tried {
			b[row][x] = tried
		}
	}
	return b
}

// picture is a mask of one pixel a cell, as a PNG: white where the destination
// was tried, half as bright where it was only blocked.
func (b bars) picture() template.URL {
	shades := color.Palette{unblocked: color.Black, quiet: color.Gray{0x60}, tried: color.White}
	mask := image.NewPaletted(image.Rect(0, 0, len(b[0]), len(b)), shades)
	for y, line := range b {
		for x, p := range line {
			mask.SetColorIndex(x, y, uint8(p))
		}
	}
	var out bytes.Buffer
	_ = png.Encode(&out, mask) // a buffer takes everything
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes()))
}

// dashes are the runs of one kind, as a stroke-dasharray in units of trials: so
// many on, so many off. "" if there is none.
func dashes[T comparable](line []T, kind T) string {
	if !slices.Contains(line, kind) {
		return ""
	}
	var out strings.Builder
	length, on := 0, true
	for _, item := range line {
		if (item == kind) != on {
			fmt.Fprintf(&out, "%d ", length)
			length, on = 0, !on
		}
		length++
	}
	if on {
		fmt.Fprintf(&out, "%d ", length)
	}
	return out.String() + fmt.Sprint(len(line)) // nothing more to the end
}
