package reports

import (
	"fmt"
	"io"
	"strings"
)

// Format is one way to write a report.
type Format struct {
	Name   string // as --format takes it
	About  string // a few words for a help text
	Render func(io.Writer, Report) error
}

// Formats lists what there is, the canonical form first.
func Formats() []Format {
	return []Format{
		{"json", "the canonical form, for programs", ofMatrix(JSON)},
		{"html", "for a browser: one file, for screen and paper", HTML},
		{"md", "the forum's table, to be posted", ofMatrix(Markdown)},
		{"text", "for the terminal", ofMatrix(Text{}.Render)},
		{"csv", "for a spreadsheet", ofMatrix(CSV)},
		{"junit", "test cases, for a build server", ofMatrix(JUnit)},
		{"openmetrics", "gauges, for a monitoring system", ofMatrix(OpenMetrics)},
	}
}

// ofMatrix is a format that sees nothing but the matrix.
func ofMatrix(render func(io.Writer, Matrix) error) func(io.Writer, Report) error {
	return func(w io.Writer, r Report) error { return render(w, r.Matrix) }
}

// Render writes the report in the named format. The error is an
// [UnknownFormatError] if there is no such format, else that of the writer.
func Render(w io.Writer, format string, r Report) error {
	for _, f := range Formats() {
		if f.Name == format {
			return f.Render(w, r)
		}
	}
	return UnknownFormatError(format)
}

// UnknownFormatError is the name of a format that does not exist.
type UnknownFormatError string

func (e UnknownFormatError) Error() string {
	names := each(Formats(), func(f Format) string { return f.Name })
	return fmt.Sprintf("there is no format %q: choose one of %s", string(e), strings.Join(names, ", "))
}
