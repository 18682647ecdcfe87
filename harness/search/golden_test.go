package search_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/tools/txtar"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// A golden file in testdata begins with what the device needs, one line a
// column, and goes on with settings, all optional:
//
//	needs: cloud && (ntp1 || ntp2)
//	needs: true
//	also: weather telemetry         destinations that no column needs
//	options: exact quick noise careful audits order=1 cap=30 ways=2
//	asleep: cloud weather           with all of these blocked, everything works
//	untried: weather                never attempted by the device
//	lies: 3 7                       trials whose answer is the opposite of the truth
//	appears: 4 weather              destinations unknown before that trial
//	services: cloud weather | ntp1  destinations of one kind
//
// Its files trials and verdicts are rewritten by go test -update.
var _ = Describe("The golden files", func() {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		panic("no golden files in testdata")
	}
	for _, path := range paths {
		It("hold for "+strings.TrimSuffix(filepath.Base(path), ".txtar"), func() {
			archive, err := txtar.ParseFile(path)
			Expect(err).NotTo(HaveOccurred())
			story := readStory(string(archive.Comment))
			trials := story.play()
			files := []txtar.File{
				{Name: "trials", Data: []byte(trials)},
				{Name: "verdicts", Data: []byte(story.verdicts())},
			}
			if *update {
				archive.Files = files
				Expect(os.WriteFile(path, txtar.Format(archive), 0o666)).To(Succeed())
			}
			Expect(archive.Files).To(HaveLen(2), "run go test -update")
			for i, file := range files {
				Expect(string(archive.Files[i].Data)).To(Equal(string(file.Data)), file.Name)
			}
		})
	}
})

// story is a golden file that is being played.
type story struct {
	names    numbered
	columns  []systems.System
	options  search.Options
	asleep   search.Set
	untried  search.Set
	lies     []int
	late     search.Set
	appears  int
	most     int
	journals [][]search.Answer
}

func readStory(header string) *story {
	GinkgoHelper()
	s := &story{most: 200}
	for _, line := range strings.Split(header, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		s.read(key, strings.TrimSpace(value))
	}
	for i := range s.columns {
		s.columns[i].N = len(s.names)
	}
	s.journals = make([][]search.Answer, len(s.columns))
	return s
}

func (s *story) read(key, value string) {
	GinkgoHelper()
	switch key {
	case "needs":
		cuts, err := cutsOfFormula(value, &s.names)
		Expect(err).NotTo(HaveOccurred())
		s.columns = append(s.columns, systems.System{Cuts: cuts})
	case "also":
		s.set(value)
	case "options":
		for _, word := range strings.Fields(value) {
			s.option(word)
		}
	case "asleep":
		s.asleep = s.set(value)
	case "untried":
		s.untried = s.set(value)
	case "lies":
		for _, word := range strings.Fields(value) {
			s.lies = append(s.lies, number(word))
		}
	case "appears":
		at, names, _ := strings.Cut(value, " ")
		s.appears, s.late = number(at), s.set(names)
	case "services":
		for kind, names := range strings.Split(value, "|") {
			for _, x := range s.set(names).Members() {
				s.options.Services = append(s.options.Services, make([]int, max(0, x+1-len(s.options.Services)))...)
				s.options.Services[x] = kind
			}
		}
	default:
		Fail("unknown key " + key)
	}
}

func (s *story) option(word string) {
	GinkgoHelper()
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "exact":
		s.options.Exact = true
	case "noise":
		s.options.MaxNoise = 0.1
	case "careful":
		s.options.Careful = true
	case "quick":
		s.options.Quick = true
	case "audits":
		s.options.Audits = 3
	case "order":
		s.options.Order = number(value)
	case "ways":
		s.options.Transversals = number(value)
	case "cap":
		s.most = number(value)
	default:
		Fail("unknown option " + word)
	}
}

func number(word string) int {
	GinkgoHelper()
	n, err := strconv.Atoi(word)
	Expect(err).NotTo(HaveOccurred())
	return n
}

// set is the set of some names, new ones among them.
func (s *story) set(names string) search.Set {
	var set search.Set
	for _, name := range strings.Fields(names) {
		set = set.With(s.names.index(name))
	}
	return set
}

// order lists the destinations known before a trial.
func (s *story) order(trial int) []int {
	known := search.All(len(s.names))
	if trial < s.appears {
		known = known.Minus(s.late)
	}
	return known.Members()
}

// play asks and answers until the search is done, and tells the tale.
func (s *story) play() string {
	var tale strings.Builder
	for trial := 1; trial <= s.most; trial++ {
		q, ok := search.NextOfAll(s.journals, s.order(trial), nil, s.options)
		if !ok {
			break
		}
		var answers []string
		for c := range s.columns {
			answers = append(answers, s.answer(c, trial, q.Block))
		}
		fmt.Fprintf(&tale, "%2d %-24s %-18s %s\n", trial, q.Reason, strings.Join(answers, " "), s.text(q.Block))
	}
	return tale.String()
}

func (s *story) answer(column, trial int, block search.Set) string {
	passed := !s.columns[column].Fails(block) || !s.asleep.IsEmpty() && s.asleep.SubsetOf(block)
	lie := slices.Contains(s.lies, trial)
	passed = passed != lie
	s.journals[column] = append(s.journals[column], search.Answer{
		Trial: trial, Blocked: block, Touched: block, Attempted: block.Minus(s.untried), Passed: passed,
	})
	word := map[bool]string{true: "works", false: "fails"}[passed]
	if lie {
		return word + " (a lie)"
	}
	return word
}

func (s *story) text(set search.Set) string {
	var names []string
	for _, x := range set.Members() {
		names = append(names, s.names[x])
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, " ")
}

// verdicts writes down what the journals prove.
func (s *story) verdicts() string {
	var text strings.Builder
	var explained []search.Explanation
	for c, journal := range s.journals {
		if len(s.journals) > 1 {
			fmt.Fprintf(&text, "column %d\n", c+1)
		}
		e := search.Explain(journal, s.order(s.most), s.options)
		explained = append(explained, e)
		s.verdict(&text, e)
	}
	if len(explained) > 1 {
		fmt.Fprintf(&text, "safe for all: %s\n", s.text(search.JointSafe(explained...)))
	}
	return text.String()
}

func (s *story) verdict(text *strings.Builder, e search.Explanation) {
	for _, cut := range e.Cuts {
		if cut.Members.Len() == 1 {
			fmt.Fprintf(text, "required: %s, failed alone in trials %v, confidence %.4f\n", s.text(cut.Members), cut.Trials, cut.Confidence)
			continue
		}
		fmt.Fprintf(text, "one of: %s, failed in trials %v, worked with each back in trials %v, confidence %.4f\n",
			s.text(cut.Members), cut.Trials, cut.Proof, cut.Confidence)
	}
	for _, part := range []struct {
		name string
		set  search.Set
	}{{"optional", e.Optional}, {"not exercised", e.NotExercised}, {"undecided", e.Undecided}} {
		if !part.set.IsEmpty() {
			fmt.Fprintf(text, "%s: %s\n", part.name, s.text(part.set))
		}
	}
	fmt.Fprintf(text, "safe: %s, trial %d\n", s.text(e.Safe), e.SafeTrial)
	if c := e.Contradiction; c != nil {
		fmt.Fprintf(text, "contradiction: %s failed in %v, %s worked in %v\n",
			s.text(c.Failed), c.FailedTrials, s.text(c.Passed), c.PassedTrials)
	}
	for _, open := range e.Open {
		fmt.Fprintf(text, "open: %s:", open.Why)
		for _, set := range open.Sets {
			fmt.Fprintf(text, " [%s]", s.text(set))
		}
		fmt.Fprintln(text)
	}
	fmt.Fprintf(text, "certified: %s\n", e.Certified)
}

var _ = Describe("The worked example of the documentation", func() {
	It("shows the trials that are really made", func() {
		page, err := os.ReadFile("../../docs/how-verdicts-are-reached.md")
		Expect(err).NotTo(HaveOccurred())
		archive, err := txtar.ParseFile("testdata/worked-example.txtar")
		Expect(err).NotTo(HaveOccurred())
		story := readStory(string(archive.Comment))
		story.play()
		Expect(story.journals[0]).NotTo(BeEmpty())
		for _, answer := range story.journals[0] {
			outcome := map[bool]string{true: "works", false: "fails"}[answer.Passed]
			row := fmt.Sprintf("| %d | %s | %s |", answer.Trial, story.text(answer.Blocked), outcome)
			Expect(string(page)).To(ContainSubstring(row))
		}
	})
})
