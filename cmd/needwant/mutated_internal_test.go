package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
	"github.com/needwant/needwant/reports/policy"
	"github.com/needwant/needwant/scenarios"
)

// evil is what must stay within its line, and never reach a terminal as it is.
const evil = "x\nINJECTED add table inet evil\r\x1b[2J\u202e\u0085'\"`$(reboot)"

// A stranger's file may say anything. What is tried returns whether the file was read.
var _ = Describe("a file of a stranger", func() {
	survive := func(times int, most func(folder string) func(random *rand.Rand, which string) bool) {
		GinkgoHelper()
		seed := uint64(GinkgoRandomSeed())
		random := rand.New(rand.NewPCG(17, seed))
		try := most(GinkgoT().TempDir())
		shown := 0
		for i := range times {
			which := fmt.Sprintf("seed %d, mutation %d", seed, i)
			done := make(chan bool)
			go func() {
				defer GinkgoRecover()
				defer close(done)
				if try(random, which) {
					shown++
				}
			}()
			Eventually(done).WithTimeout(30*time.Second).Should(BeClosed(), which+" takes for ever")
		}
		tenth := float64(times) / 10
		Expect(shown).To(BeNumerically(">", tenth-3*math.Sqrt(tenth)), "most of them are not even looked at, by more than chance")
	}

	for name, try := range map[string]func(folder string) func(random *rand.Rand, which string) bool{
		"a run file with valid checksums": tryRuns, "a spec": trySpecs, "a world": tryWorlds, "a catalog entry": tryEntries, "a capture or a log": tryCaptures,
	} {
		It("is shown or rejected, and nothing else: "+name, func() { survive(120, try) })

		It("is shown or rejected, and nothing else, ten thousand times: "+name, Label("slow"), func() { survive(10_000, try) })
	}
})

func tryRuns(folder string) func(random *rand.Rand, which string) bool {
	template, records := templateRun()
	path := filepath.Join(folder, "mutated.run")
	return func(random *rand.Rand, which string) bool {
		forge(template, path, mutated(bytes.Clone(records), random))
		run, err := runfile.Load(context.Background(), path)
		if err == nil {
			expectOnlyShown(run, which)
		}
		return accepted(err)
	}
}

func trySpecs(string) func(random *rand.Rand, which string) bool {
	template, err := os.ReadFile("../../scenarios/library/roborock-s50.yaml")
	Expect(err).NotTo(HaveOccurred())
	return func(random *rand.Rand, _ string) bool {
		_, err := scenarios.Parse("mutated.yaml", spoiled(template, random))
		return accepted(err)
	}
}

func tryWorlds(string) func(random *rand.Rand, which string) bool {
	template, err := os.ReadFile("../../netns/lab/worlds/one-of-each.yaml")
	Expect(err).NotTo(HaveOccurred())
	return func(random *rand.Rand, _ string) bool {
		_, err := lab.Parse("mutated.yaml", spoiled(template, random))
		return accepted(err)
	}
}

func tryEntries(folder string) func(random *rand.Rand, which string) bool {
	template, _ := templateRun()
	run, err := runfile.Load(context.Background(), template)
	Expect(err).NotTo(HaveOccurred())
	entry, err := catalog.New(run, reports.NewReport(run, harness.Judge(run)).Matrix, "nz")
	Expect(err).NotTo(HaveOccurred())
	path, err := entry.Write(folder)
	Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	return func(random *rand.Rand, which string) bool {
		Expect(os.WriteFile(path, spoiled(text, random), 0o600)).To(Succeed())
		all, err := catalog.Load(folder)
		if err == nil {
			var page bytes.Buffer
			Expect(catalog.Forum(&page, catalog.Merge(all))).To(Succeed())
			expectVisible(page.String(), which+", catalog")
		}
		return accepted(err)
	}
}

// mostAllocated is how many bytes the import of a small file may take in all.
const mostAllocated = 256 << 20

func tryCaptures(folder string) func(random *rand.Rand, which string) bool {
	originals, err := filepath.Glob("../../harness/seen/testdata/s50*")
	Expect(err).NotTo(HaveOccurred())
	Expect(originals).NotTo(BeEmpty())
	return func(random *rand.Rand, which string) bool {
		original := originals[random.IntN(len(originals))]
		content, err := os.ReadFile(original)
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(folder, filepath.Base(original))
		which += ", " + filepath.Base(original)
		Expect(os.WriteFile(path, damaged(content, random), 0o600)).To(Succeed())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		list, err := seen.Import(context.Background(), []string{path}, seen.Options{})
		runtime.ReadMemStats(&after)
		Expect(after.TotalAlloc-before.TotalAlloc).To(BeNumerically("<", mostAllocated), which)
		if err == nil {
			for _, format := range reports.SeenFormats() {
				var table bytes.Buffer
				Expect(reports.RenderSeen(&table, format, list, 0, nil)).To(Succeed())
				expectVisible(table.String(), which+", "+format)
			}
		}
		return accepted(err)
	}
}

// damaged is a file with other bytes, lengths or texts here and there, or cut short.
func damaged(content []byte, random *rand.Rand) []byte {
	for range 1 + random.IntN(8) {
		at := random.IntN(len(content))
		switch random.IntN(8) {
		case 0:
			copy(content[at:], evil)
		case 1:
			copy(content[at:], "\xff\xff\xff\x7f")
		case 2:
			copy(content[at:], "\x00\x00\x00\x00")
		case 3:
			copy(content[at:], content[random.IntN(len(content)):])
		case 4:
			content = slices.Insert(content, at, content[at:min(len(content), at+random.IntN(64))]...)
		default:
			content[at] ^= byte(1 << random.IntN(8))
		}
	}
	if random.IntN(8) == 0 {
		content = content[:random.IntN(len(content))]
	}
	return content
}

// accepted reports whether a file was read. Otherwise the error can be shown.
func accepted(err error) bool {
	GinkgoHelper()
	if err != nil {
		Expect(visible(err.Error())).NotTo(ContainSubstring("\x1b"))
	}
	return err == nil
}

// spoiled is a file in YAML with another value, a line more or less, or another indent.
func spoiled(text []byte, random *rand.Rand) []byte {
	lines := strings.Split(string(text), "\n")
	i := random.IntN(len(lines))
	key, value, _ := strings.Cut(lines[i], ": ")
	switch random.IntN(6) {
	case 0:
		lines[i] = fmt.Sprintf("%s: %q", key, worse(value, random))
	case 1:
		lines[i] = fmt.Sprintf("%s: %v", key, worse(0.0, random))
	case 2:
		lines[i] += "\n" + lines[random.IntN(len(lines))]
	case 3:
		lines[i] = ""
	case 4:
		lines[i] = " " + lines[i]
	default:
		lines[i] += " # " + evil
	}
	return []byte(strings.Join(lines, "\n"))
}

// expectOnlyShown has a run judged and written in every way there is.
func expectOnlyShown(run harness.Run, which string) {
	GinkgoHelper()
	report := reports.NewReport(run, harness.Judge(run))
	for _, format := range reports.Formats() {
		var out bytes.Buffer
		if err := format.Render(&out, report); err == nil {
			text := out.String()
			if format.Name == "html" { // in which a line break within a text means a blank
				text = strings.ReplaceAll(text, "\nINJECTED", " INJECTED")
			}
			expectVisible(text, which+", report "+format.Name)
		}
	}
	for _, kind := range policy.Kinds() {
		p, err := policy.New(report.Matrix, policy.Options{Kind: kind})
		if err != nil {
			continue
		}
		for _, format := range policy.Formats() {
			if export, err := format.Export(p); err == nil {
				Expect(export.Text).To(MatchRegexp(`\A[\t\n -~]*\z`), which+", export "+format.Name)
				expectVisible(export.Text, which+", export "+format.Name)
			}
		}
	}
	if evidence, err := catalog.New(run, report.Matrix, "nz"); err == nil {
		var page bytes.Buffer
		Expect(catalog.Forum(&page, catalog.Merge([]catalog.Evidence{evidence}))).To(Succeed())
		expectVisible(page.String(), which+", catalog")
	}
	var watched bytes.Buffer
	view := newView(&watched)
	view.show(run)
	Expect(view.end(run)).To(Succeed())
	expectVisible(watched.String()+strings.Join(filled(run, 80, 24), "\n"), which+", watch")
	_, _ = scenarios.Parse("mutated.yaml", []byte(run.Settings.Text)) // as validate does; it may reject it
	_, _ = lab.Parse("mutated.yaml", []byte(run.Settings.Text))
}

func expectVisible(text, which string) {
	GinkgoHelper()
	if strings.Contains(text, "\nINJECTED") {
		Fail(which + ": a line was injected")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }); i >= 0 {
		Fail(fmt.Sprintf("%s: %q", which, text[i:min(len(text), i+10)]))
	}
}

// templateRun is a sound run file, and its records as JSON, one to a line.
func templateRun() (path string, records []byte) {
	GinkgoHelper()
	path = filepath.Join(GinkgoT().TempDir(), "template.run")
	run := harness.Run{
		ID: "01MUTATED", Started: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Device: harness.Device{Name: "fan", Model: "fan.v1", Firmware: "1"},
		Settings: harness.Settings{Source: "fan.yaml", Text: "apiVersion: needwant/v1\nkind: Scenarios\ngateway: {placement: nic}\n", Driver: "ipset", Order: "exact",
			Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Lanes: 1, Kept: []string{"dhcp"}, Settle: time.Second},
		Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Works?", Vantage: "gateway", Checks: "that"}, {Name: "home", Title: "At home?", Vantage: "lan"}},
	}
	file, err := runfile.Create(path, run)
	Expect(err).NotTo(HaveOccurred())
	names := []string{"tcp/443/a.example", "tcp/443/b.example", "udp/123/203.0.113.3", "icmp/echo/203.0.113.4", "tcp/443/*.data.example"}
	for number, block := range [][]string{nil, nil, names, names[:1], names[1:]} {
		result := harness.Result{
			Trial: harness.Trial{Number: number + 1, Fault: harness.Reject, Regime: harness.Steady, Reason: "halve"}, Lane: 1, Recovered: true, Held: time.Second,
			Started: run.Started.Add(time.Duration(number) * time.Minute), Duration: time.Second,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass, Steps: []harness.StepOutcome{{Step: "miio", Answer: harness.Pass, Saw: "ok"}}}, "home": {Answer: harness.Pass}},
		}
		if number == 2 || number == 3 {
			result.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}
		for i, id := range names {
			d, err := harness.ParseDestination(id)
			Expect(err).NotTo(HaveOccurred())
			result.Seen.Contacts = append(result.Seen.Contacts, harness.Contact{Destination: d, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})}, Collateral: []string{"other.example"}, Tries: 2, Attempts: 2, Touched: 2})
			for _, blocked := range block {
				if blocked == id {
					result.Trial.Block = append(result.Trial.Block, d)
				}
			}
		}
		Expect(file.Append(result)).To(Succeed())
	}
	Expect(file.Finish(harness.Complete, "", time.Hour)).To(Succeed())
	Expect(file.Close()).To(Succeed())
	rows := journalOf(path)
	var all []string
	for _, row := range rows {
		all = append(all, row.json)
	}
	return path, []byte(strings.Join(all, "\n"))
}

type journalRow struct{ kind, json string }

func journalOf(path string) (rows []journalRow) {
	GinkgoHelper()
	db, err := sql.Open("sqlite", path)
	Expect(err).NotTo(HaveOccurred())
	defer db.Close()
	found, err := db.Query("SELECT kind, json FROM journal ORDER BY seq")
	Expect(err).NotTo(HaveOccurred())
	defer found.Close()
	for found.Next() {
		var row journalRow
		Expect(found.Scan(&row.kind, &row.json)).To(Succeed())
		rows = append(rows, row)
	}
	Expect(found.Err()).NotTo(HaveOccurred())
	return rows
}

// forge writes other records into a copy of a run file, with valid checksums.
func forge(template, path string, records []string) {
	GinkgoHelper()
	text, err := os.ReadFile(template)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	kinds := journalOf(path)
	db, err := sql.Open("sqlite", path+"?_pragma=synchronous(off)&_pragma=journal_mode(memory)")
	Expect(err).NotTo(HaveOccurred())
	defer db.Close()
	checksum := []byte{}
	for i, record := range records {
		hash := sha256.New()
		hash.Write(checksum)
		hash.Write([]byte(kinds[i].kind + "\x00" + record))
		checksum = hash.Sum(nil)
		_, err := db.Exec("UPDATE journal SET json = ?, checksum = ? WHERE seq = ?", record, checksum, i+1)
		Expect(err).NotTo(HaveOccurred())
	}
	_, err = db.Exec("UPDATE tip SET checksum = ?", checksum)
	Expect(err).NotTo(HaveOccurred())
}

// mutated changes a few values somewhere in the records.
func mutated(records []byte, random *rand.Rand) []string {
	GinkgoHelper()
	lines := strings.Split(string(records), "\n")
	for range 1 + random.IntN(4) {
		i := random.IntN(len(lines))
		var tree any
		Expect(json.Unmarshal([]byte(lines[i]), &tree)).To(Succeed())
		count := 0
		visit(tree, func(any) any { count++; return nil }, -1, new(int))
		tree = visit(tree, func(old any) any { return worse(old, random) }, random.IntN(count), new(int))
		text, err := json.Marshal(tree)
		Expect(err).NotTo(HaveOccurred())
		lines[i] = string(text)
	}
	return lines
}

// visit calls change with each value of a tree, or puts what it returns in place of
// the value with a number, from 0.
func visit(tree any, change func(any) any, number int, at *int) any {
	here := *at
	*at++
	if number < 0 {
		change(tree)
	} else if here == number {
		return change(tree)
	}
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			tree[key] = visit(value, change, number, at)
		}
	case []any:
		for i, value := range tree {
			tree[i] = visit(value, change, number, at)
		}
	}
	return tree
}

var destinationID = regexp.MustCompile(`^(tcp|udp|icmp)/`)

// worse is another value: of the same type as a rule, so that it is looked at.
func worse(old any, random *rand.Rand) any {
	texts := []string{evil, "", "complete" + evil, "required", strings.Repeat("long", 2000), "../../etc/passwd", "2024-13-45T99:99:99Z", "-1", "\xff"}
	switch old := old.(type) {
	case string:
		if destinationID.MatchString(old) {
			return []string{"tcp/443/'\"`$(reboot).example", "udp/*/*.", "icmp/echo/::ffff:1.2.3.4", "tcp/65535/*.com", "tcp/1/resolver", old + evil}[random.IntN(6)]
		}
		return texts[random.IntN(len(texts))]
	case float64:
		return []float64{-1, 0, 1, 1 << 31, 1 << 53, -1e18, 9e18, 0.5}[random.IntN(8)]
	case bool:
		return !old
	case []any:
		if len(old) == 0 || random.IntN(2) == 0 {
			return append(old, texts[random.IntN(len(texts))])
		}
		return append(old, old...)
	case map[string]any:
		old[texts[random.IntN(len(texts))]] = texts[random.IntN(len(texts))]
		return old
	}
	return texts[random.IntN(len(texts))]
}
