package reports

import (
	"io"
	"net/url"

	"github.com/needwant/needwant/harness"
)

// RunLine is one run in a list of runs. Its texts have a limited length.
type RunLine struct {
	File    string // its name in the directory; "" if there is none yet
	Place   string // the agent and the gateway, if they are known
	Subject string // the device
	Now     string // what happens now, in one sentence; "" if nothing does any more
	Result  string // one sentence
	State   string // how much was done, and whether the run is over
	Mood    string // the style of State
	Wrong   string // why the run cannot be shown; "" if it can
}

// longestLine is how many bytes of each text a [RunLine] has.
const longestLine = 1000

// NewRunLine returns the line of a run. Now is what happens, see [RunLine].
func NewRunLine(file string, run harness.Run, now string) RunLine {
	r := read(NewReport(run, harness.Judge(run)).Matrix)
	return RunLine{
		File: file, Subject: clip(r.subject()), Now: clip(now), Result: clip(r.sentence()),
		State: clip(r.effort() + "; " + r.state() + "."), Mood: r.mood(),
	}
}

// WrongRunLine returns the line of a file that cannot be shown.
func WrongRunLine(file string, why error) RunLine {
	return RunLine{File: file, Wrong: clip(why.Error())}
}

func clip(text string) string {
	if len(text) <= longestLine {
		return text
	}
	return text[:longestLine] + "…"
}

// Link is where the page of the run is, seen from the list.
func (l RunLine) Link() string { return "run/" + url.PathEscape(l.File) + "/" }

// RunsHTML writes a page that lists runs, the newest first. It needs the files of
// [LiveFile] next to it. More is the number of runs that are left out.
func RunsHTML(w io.Writer, title string, lines []RunLine, more int) error {
	return writePage(w, "runs.html", struct {
		Title string
		Runs  []RunLine
		More  int
	}{title, lines, more})
}
