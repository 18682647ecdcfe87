package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// Ginkgo runs a Ginkgo suite, or one spec of it.
type Ginkgo struct {
	Package string `yaml:"package,omitempty" about:"A Go package with a Ginkgo suite, for example ./specs, relative to the spec. The package is compiled once, which needs Go."`
	Binary  string `yaml:"binary,omitempty" about:"The suite as a program that go test -c has compiled, in place of package: for a machine without Go."`
	Label   string `yaml:"label,omitempty" about:"Only tests with these labels, in the syntax of Ginkgo's --label-filter."`

	suite *suite // shared by the columns that one step became; nil otherwise
	spec  string // the one spec that counts, by its full text; "" for all
}

// GinkgoResult is what an expectation on [Ginkgo] may name.
type GinkgoResult struct {
	Passed   int      `expr:"passed" about:"The number of tests that passed."`
	Failed   int      `expr:"failed" about:"The number of tests that failed."`
	Failures []string `expr:"failures" about:"The message of each test that failed."`
}

func ginkgoKind() Kind {
	return Kind{
		Name:    "ginkgo",
		About:   "Runs your own Ginkgo suite. Its packets are sent from the place in the scenario's `from`. If a scenario has only this step, each test of the suite becomes a column. The suite gets the device from package `scenarios/devicetest`.",
		Fails:   "A failed test is a failure, and so is a suite that does not end in time. If the suite cannot be compiled or started, or runs no test, the check is inconclusive.",
		Example: "{ginkgo: {package: ./specs, label: smoke}, timeout: 5m}",
		Short:   "package",
		New:     func() Action { return new(Ginkgo) },
		Result:  GinkgoResult{},
		Expect:  "failed == 0",
	}
}

func (g *Ginkgo) check() *ArgumentError {
	if (g.Package == "") == (g.Binary == "") {
		return wrong("", "a suite is either a package or a binary", "write package: ./specs, or binary: ./specs.test")
	}
	if g.Package != "" && strings.ContainsAny(g.Package, " \t\n*") || strings.HasPrefix(g.Package, "-") {
		return wrong("package", fmt.Sprintf("%q is not a package", g.Package), "write it as ./specs")
	}
	if g.Label == "" {
		return nil
	}
	if _, err := types.ParseLabelFilter(g.Label); err != nil {
		return wrong("label", fmt.Sprintf("%q is not a filter of labels", g.Label), "write it as smoke, or smoke && !slow")
	}
	return nil
}

func (g *Ginkgo) prepare(e *Engine, timeout time.Duration) (deed, error) {
	suite := g.suite
	if suite == nil {
		ctx, cancel := context.WithTimeout(context.Background(), compiling)
		defer cancel()
		var err error
		if suite, err = compileSuite(ctx, e.Folder, g); err != nil {
			return deed{}, err
		}
	}
	name := "ginkgo " + g.Package + g.Binary
	if g.spec != "" {
		name = "ginkgo " + g.spec
	}
	return deed{
		kind:  ginkgoKind(),
		name:  shorten(name),
		hide:  e.conceal,
		claim: claim{suite: suite},
		run:   func(ctx context.Context) (sight, error) { return g.look(ctx, e, suite, timeout) },
	}, nil
}

func (g *Ginkgo) look(ctx context.Context, e *Engine, suite *suite, timeout time.Duration) (sight, error) {
	reports, err := suite.run(ctx, e, timeout)
	if err != nil && ctx.Err() != nil {
		return sight{failure: "the suite did not end in time, and was killed", late: true}, nil
	}
	if err != nil {
		return sight{}, err
	}
	var result GinkgoResult
	for _, report := range reports {
		if g.spec != "" && report.FullText() != g.spec || report.LeafNodeType == types.NodeTypeIt && report.State.Is(types.SpecStateSkipped|types.SpecStatePending) {
			continue
		}
		switch {
		case report.State.Is(types.SpecStateFailureStates):
			result.Failed++
			result.Failures = append(result.Failures, fmt.Sprintf("%s: %s", report.FullText(), report.Failure.Message))
		case report.LeafNodeType == types.NodeTypeIt:
			result.Passed++
		}
	}
	if result.Passed+result.Failed == 0 {
		return sight{}, errors.New("no spec was run: look at label, and at what the suite skips")
	}
	return sight{result: result, saw: result.String()}, nil
}

// String is for people.
func (r GinkgoResult) String() string {
	text := fmt.Sprintf("%d passed, %d failed", r.Passed, r.Failed)
	if r.Failed > 0 {
		text += ": " + strings.Join(r.Failures, "; ")
	}
	return text
}

// Expand makes a scenario that has a ginkgo step and nothing else into one for
// each of the suite's specs, named after it and the spec. The suite is compiled
// for that, and listed without being run. Other scenarios stay as they are.
func (f File) Expand(ctx context.Context, list List) (List, error) {
	var all List
	for _, spec := range list {
		action, ok := soleGinkgo(spec)
		if !ok {
			all = append(all, spec)
			continue
		}
		suite, err := compileSuite(ctx, f.folder, action)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", spec.Name, err)
		}
		texts, err := suite.list(ctx, f.folder)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", spec.Name, err)
		}
		for _, text := range texts {
			all = append(all, spec.column(suite, action, text, all))
		}
	}
	return all, nil
}

// soleGinkgo is the suite that is all there is to a scenario.
func soleGinkgo(spec Spec) (*Ginkgo, bool) {
	if len(spec.Steps) != 1 || spec.Steps[0].Expect != "" {
		return nil, false
	}
	action, ok := spec.Steps[0].Do.(*Ginkgo)
	return action, ok
}

// column is the scenario of one spec of a suite. Its name is none that is taken.
func (s Spec) column(suite *suite, action *Ginkgo, text string, taken List) Spec {
	one := s
	one.Title = text
	step := s.Steps[0]
	step.Do = &Ginkgo{Package: action.Package, Binary: action.Binary, Label: action.Label, suite: suite, spec: text}
	one.Steps = []Step{step}
	base := slug(s.Name + "_" + text)
	one.Name = base
	for number := 2; taken.has(one.Name); number++ {
		one.Name = fmt.Sprintf("%s_%d", base, number)
	}
	return one
}

func (l List) has(name string) bool {
	for _, spec := range l {
		if spec.Name == name {
			return true
		}
	}
	return false
}

// slug makes a text into the name of a scenario, with room for a number.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	name := strings.Join(words, "_")
	return strings.TrimRight(name[:min(len(name), 60)], "_")
}

// environment tells a suite, or a program, of the device.
func (e *Engine) environment() []string {
	return append(os.Environ(), e.Environment...)
}
