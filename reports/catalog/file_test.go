package catalog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

var _ = Describe("a catalog", func() {
	var directory string

	BeforeEach(func() { directory = GinkgoT().TempDir() })

	put := func(e catalog.Evidence) string {
		GinkgoHelper()
		path, err := e.Write(directory)
		Expect(err).NotTo(HaveOccurred())
		return path
	}

	It("keeps a file for each model, firmware, region and run", func() {
		e := evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "nz", harness.Required)
		Expect(put(e)).To(Equal(filepath.Join(directory, "lamp.v1/1.0/nz/RUNAAAAAAAAAAAAAAAAAAAAAAA.yaml")))
		put(e) // again
		put(evidence("RUNBBBBBBBBBBBBBBBBBBBBBBB", "1.0", "nz", harness.Required))
		all, err := catalog.Load(directory)
		Expect(err).NotTo(HaveOccurred())
		Expect(all).To(HaveLen(2))
		Expect(all[0]).To(Equal(e))
	})

	It("is never left by a name", func() {
		run, m := lamp("../../../etc/cron.d/x", "../..", harness.Required)
		m.Device.Model = "..%2f.."
		m.Run.ID, m.Device.Firmware = run.ID, "a/../../b"
		e, err := catalog.New(run, m, "nz")
		Expect(err).NotTo(HaveOccurred())
		Expect(put(e)).To(HavePrefix(directory + string(filepath.Separator)))
	})

	DescribeTable("refuses, naming the file", func(old, other, says string) {
		path := put(evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "nz", harness.Required))
		text, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring(old))
		Expect(os.WriteFile(path, []byte(strings.Replace(string(text), old, other, 1)), 0o600)).To(Succeed())
		_, err = catalog.Load(directory)
		Expect(err).To(MatchError(And(ContainSubstring(path), ContainSubstring(says))))
		var at *catalog.FileError
		Expect(errors.As(err, &at)).To(BeTrue())
	},
		Entry("an unknown key", "model:", "colour: red\nmodel:", "colour"),
		Entry("a file that is none", "kind: Evidence", "kind: World", "no evidence"),
		Entry("another place", "region: nz", "region: de", "belongs at"),
		Entry("a town for a region", "region: nz", "region: Auckland", "two letters"),
		Entry("an odd date", `date: "2024-05-06"`, "date: yesterday", "2024-05-06"),
		Entry("an address at home", "- 203.0.113.1", "- 192.168.1.7", "address at home"),
		Entry("no address", "- 203.0.113.1", "- cloud", "not an address"),
		Entry("a hardware address in a name", "tcp/443/cloud.", "tcp/443/7c49eb123456.", "hardware address"),
		Entry("a number in a name", "tcp/443/cloud.", "tcp/443/id20495188.", "number of a device"),
		Entry("a token in a title", "Required for Native App?", "5f1d3a9bc27e4806a1b2c3d4e5f60718", "a token"),
		Entry("a title from right to left", "Required for Native App?", "Required \u202efor Native App?", "one line"),
		Entry("a title with C1 characters", "Required for Native App?", "Required \u009b31m for Native App?", "one line"),
		Entry("an odd name", "tcp/443/cloud.", "tcp/443/<script>.", "not well-formed"),
		Entry("an unknown verdict", "native_app: required", "native_app: maybe", "no verdict"),
		Entry("an unknown column", "native_app: required", "app: required", "no column"),
		Entry("a group of nobody", "  - udp/123/ntp2", "  - udp/123/ntp3", "no destination"),
	)

	It("refuses a run that is there twice, which would count as two", func() {
		first := put(evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "nz", harness.Required))
		second := put(evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "unknown", harness.Required))
		_, err := catalog.Load(directory)
		Expect(err).To(MatchError(fmt.Sprintf("%s: the same run is in %s: remove the one that is wrong", second, first)))
	})

	It("keeps different models apart, whatever they are called, and its front page", func() {
		var all []catalog.Evidence
		names := []string{"acme/lamp", "acme_lamp", "acme@lamp", "index", "INDEX", "lamp-simulated", "=lamp", "lamp"}
		for i, name := range names {
			e := evidence(strings.Repeat(string(rune('A'+i)), 26), "1.0", "nz", harness.Required)
			e.Model, e.Simulated = name, name == "lamp"
			if name == "=lamp" { // which no evidence may have
				e.Model = "lamp=2Dsimulated"
				_, err := e.Write(directory)
				Expect(err).To(MatchError(ContainSubstring("are all that may be here")))
				continue
			}
			put(e)
			all = append(all, e)
		}
		Expect(catalog.Load(directory)).To(HaveLen(len(all)))
		site := GinkgoT().TempDir()
		models := catalog.Merge(all)
		Expect(models).To(HaveLen(len(all)))
		Expect(catalog.Site(site, models)).To(Succeed())
		pages, err := filepath.Glob(site + "/*.html")
		Expect(err).NotTo(HaveOccurred())
		Expect(pages).To(HaveLen(len(all) + 1))
		front, err := os.ReadFile(site + "/index.html")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(front)).To(ContainSubstring(">acme/lamp<"), "it lists the devices")
	})

	It("reads no file from elsewhere, and none that is nested without end", func() {
		path := put(evidence("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", "nz", harness.Required))
		secret := filepath.Join(GinkgoT().TempDir(), "secret")
		Expect(os.WriteFile(secret, []byte("sesame: open\n"), 0o600)).To(Succeed())
		Expect(os.Remove(path)).To(Succeed())
		Expect(os.Symlink(secret, path)).To(Succeed())
		_, err := catalog.Load(directory)
		Expect(err).To(MatchError(And(ContainSubstring("not a regular file"), Not(ContainSubstring("sesame")))))
		Expect(os.Remove(path)).To(Succeed())
		Expect(os.WriteFile(path, []byte("columns: "+strings.Repeat("[", 30_000)), 0o600)).To(Succeed())
		_, err = catalog.Load(directory)
		Expect(err).To(MatchError(ContainSubstring("nested more than 50 levels deep")))
	})

	It("has an example, with all the worlds of the lab, marked as simulated", func() {
		all, err := catalog.Load("example/catalog")
		Expect(err).NotTo(HaveOccurred())
		Expect(len(all)).To(BeNumerically(">=", 6))
		for _, e := range all {
			Expect(e.Simulated).To(BeTrue())
		}
	})

	It("has a workflow that builds it", func() {
		text, err := os.ReadFile("example/.github/workflows/catalog.yml")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(And(ContainSubstring("pull_request:"), ContainSubstring("needwant catalog build catalog --out site")))
	})
})
