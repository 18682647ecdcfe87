package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

// lamps are three runs that agree except for one firmware, and one of the lab.
func lamps() []catalog.Evidence {
	all := []catalog.Evidence{
		evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "nz", harness.Required),
		evidence("RUNBBBBBBBBBBBBBBBBBBBBBBB", "1.0", "de", harness.Required),
		evidence("RUNCCCCCCCCCCCCCCCCCCCCCCC", "2.0", "de", harness.Optional),
		evidence("RUNDDDDDDDDDDDDDDDDDDDDDDD", "1.0", "unknown", harness.Optional),
	}
	all[3].Simulated = true
	return all
}

var _ = Describe("merged evidence", func() {
	cell := func(m catalog.Model, id, scenario string) catalog.Cell {
		GinkgoHelper()
		for _, row := range m.Rows {
			if row.Destination.String() == id {
				return row.Cells[scenario]
			}
		}
		Fail("no row " + id)
		return catalog.Cell{}
	}

	It("shows a conflict by firmware and region, and averages nothing", func() {
		m := catalog.Merge(lamps())[0]
		conflict := cell(m, "tcp/443/cloud.lamp.example", "native_app")
		Expect(conflict.Conflict()).To(BeTrue())
		Expect(conflict.Sentence()).To(Equal("required in 2 (1.0, nz; 1.0, de); optional in 1 (2.0, de)"))
		Expect(m.Conflicts()).To(Equal(1))
	})

	It("counts witnesses where they agree", func() {
		agreed := cell(catalog.Merge(lamps())[0], "udp/123/ntp1.lamp.example", "native_app")
		Expect(agreed.Conflict()).To(BeFalse())
		Expect(agreed.Sentence()).To(Equal("alternative: 1 of 2 (3 of 3 runs)"))
	})

	It("says where a run never saw a destination, or left it open; neither is a conflict", func() {
		all := lamps()[:3]
		all[1].Destinations = all[1].Destinations[:2]
		all[2].Destinations[2].Verdicts["native_app"] = harness.Undecided
		c := cell(catalog.Merge(all)[0], "udp/123/ntp2.lamp.example", "native_app")
		Expect(c.Sentence()).To(Equal("alternative: 1 of 2 in 1 (1.0, nz); undecided in 1 (2.0, de); not seen in 1 (1.0, de)"))
		Expect(c.Conflict()).To(BeFalse())
	})

	It("says the regime and the fault where they are not the usual ones", func() {
		all := lamps()[:2]
		all[0].Destinations[0].Verdicts["party"] = harness.Required
		Expect(cell(catalog.Merge(all)[0], "tcp/443/cloud.lamp.example", "party").Sentence()).To(
			Equal("required in 1 (1.0, nz, cold boot, drop); optional in 1 (1.0, de, cold boot, drop)"))
	})

	It("takes no run that ended early for one that never saw a destination", func() {
		all := lamps()[:2]
		all[0].Destinations, all[0].Status = all[0].Destinations[1:], harness.Interrupted
		Expect(cell(catalog.Merge(all)[0], "tcp/443/cloud.lamp.example", "party").Sentence()).To(ContainSubstring("undecided in 1"))
		all[0].Status = harness.Complete
		Expect(cell(catalog.Merge(all)[0], "tcp/443/cloud.lamp.example", "party").Sentence()).To(ContainSubstring("not seen in 1"))
	})

	It("never mixes the lab with devices", func() {
		models := catalog.Merge(lamps())
		Expect(models).To(HaveLen(2))
		Expect(models[0].Simulated()).To(BeFalse())
		Expect(models[1].Simulated()).To(BeTrue())
		Expect(models[0].File()).NotTo(Equal(models[1].File()))
	})
})

var _ = Describe("the pages of a catalog", func() {
	It("read as they did before", func() {
		directory := GinkgoT().TempDir()
		Expect(catalog.Site(directory, catalog.Merge(lamps()))).To(Succeed())
		for _, name := range []string{"index.html", "lamp.v1.html", "lamp.v1-simulated.html", "forum.md"} {
			golden(directory, name)
		}
	})

	It("have the forum's seven heads, word for word", func() {
		var out bytes.Buffer
		Expect(catalog.Forum(&out, catalog.Merge(lamps()))).To(Succeed())
		Expect(out.String()).To(ContainSubstring("| Destination IP | Destination URL/Location | Protocol | Port | Service | Required for Native App? | Required for HASS? |"))
		Expect(out.String()).To(ContainSubstring(" ??? |"), "nobody asked Home Assistant")
	})

	It("say which resolver is meant", func() {
		all := lamps()[:1]
		all[0].Destinations[0].ID = destination("udp/53/resolver")
		directory := GinkgoT().TempDir()
		models := catalog.Merge(all)
		Expect(catalog.Site(directory, models)).To(Succeed())
		Expect(os.ReadFile(filepath.Join(directory, models[0].File()))).To(ContainSubstring("own resolver"))
		Expect(os.ReadFile(filepath.Join(directory, "forum.md"))).To(ContainSubstring("own resolver"))
	})

	It("stay tables, and run nothing, whatever a title says", func() {
		all := lamps()[:1]
		all[0].Columns[1].Title = `<script>alert(1)</script> | x` + "`"
		directory := GinkgoT().TempDir()
		models := catalog.Merge(all)
		Expect(catalog.Site(directory, models)).To(Succeed())
		page, err := os.ReadFile(filepath.Join(directory, models[0].File()))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).NotTo(ContainSubstring("<script"))
		var out bytes.Buffer
		Expect(catalog.Forum(&out, models)).To(Succeed())
		Expect(out.String()).NotTo(ContainSubstring("<script"))
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "| ") {
				Expect(strings.Count(line, "|")-strings.Count(line, `\|`)).To(Equal(9), line)
			}
		}
	})

	It("need nothing from anywhere", func() {
		directory := GinkgoT().TempDir()
		Expect(catalog.Site(directory, catalog.Merge(lamps()))).To(Succeed())
		files, err := filepath.Glob(filepath.Join(directory, "*"))
		Expect(err).NotTo(HaveOccurred())
		Expect(files).To(HaveLen(5))
		for _, file := range files {
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).NotTo(MatchRegexp(`https?://|<script|@import`), file)
		}
	})
})

func golden(directory, name string) {
	GinkgoHelper()
	got, err := os.ReadFile(filepath.Join(directory, name))
	Expect(err).NotTo(HaveOccurred())
	path := filepath.Join("testdata", name)
	if *update {
		Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
		Expect(os.WriteFile(path, got, 0o644)).To(Succeed())
	}
	want, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred(), "go test ./reports/catalog -update writes it")
	Expect(string(got)).To(Equal(string(want)))
}
