package catalog

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

//go:embed page
var pages embed.FS

// Site writes static pages into a directory: index.html, a page for each model,
// style.css, and the forum's table as forum.md. It needs no server, no network
// and no script.
func Site(directory string, models []Model) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	templates, err := template.New("").ParseFS(pages, "page/*.html")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	files := map[string]func(*bytes.Buffer) error{
		"index.html": func(out *bytes.Buffer) error { return templates.ExecuteTemplate(out, "index.html", models) },
		"forum.md":   func(out *bytes.Buffer) error { return Forum(out, models) },
		"style.css": func(out *bytes.Buffer) error {
			style, err := pages.ReadFile("page/style.css")
			out.Write(style)
			return err
		},
	}
	for _, m := range models {
		if _, taken := files[m.File()]; taken {
			return fmt.Errorf("two pages would be called %s, one of them that of %s", m.File(), m.Name)
		}
		files[m.File()] = func(out *bytes.Buffer) error { return templates.ExecuteTemplate(out, "model.html", m) }
	}
	for name, write := range files {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// File is the name of the model's page. No two models share one, and none has that
// of the front page: fileName puts an equals sign only before a number.
func (m Model) File() string {
	const simulated = "-simulated"
	name := fileName(m.Name)
	if m.Simulated() {
		return name + simulated + ".html"
	}
	if front, found := strings.CutSuffix(name, simulated); found {
		name = front + "=2Dsimulated"
	}
	if strings.EqualFold(name, "index") {
		name = "=" + name
	}
	return name + ".html"
}

// Needed counts the destinations that some run found required, or an
// alternative, for some scenario.
func (m Model) Needed() (count int) {
	for _, row := range m.Rows {
		if row.needed() {
			count++
		}
	}
	return count
}

func (r Row) needed() bool {
	for _, cell := range r.Cells {
		for _, claim := range cell.Claims {
			if strength(claim.Verdict) >= strength("alternative") {
				return true
			}
		}
	}
	return false
}

// Places lists the firmwares and regions for a page.
func (m Model) Places() string { return m.places() }

// Cell is the row's cell for a scenario.
func (r Row) Cell(scenario string) Cell { return r.Cells[scenario] }

// Kind is the cell's colour: its gravest verdict, or conflict.
func (c Cell) Kind() string {
	switch {
	case c.Conflict():
		return "conflict"
	case len(c.Claims) == 0 || c.Claims[0].Verdict == "":
		return "unseen"
	}
	return string(c.Claims[0].Verdict)
}

// Sign says by its shape what Kind says by its colour.
func (c Cell) Sign() string {
	return map[string]string{
		"conflict": "≠", "required": "●", "alternative": "◐", "degraded": "◔", "optional": "○", "undecided": "?", "not-exercised": "?",
	}[c.Kind()]
}
