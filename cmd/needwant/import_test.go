package main_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/reports"
)

// The samples of the simulated S50.
const (
	kernelLog = "../../harness/seen/testdata/s50-kernel.log"
	packets   = "../../harness/seen/testdata/s50.pcap"
)

var _ = Describe("needwant import", func() {
	It("makes the forum's table from a kernel log, with question marks", func(ctx SpecContext) {
		run := needwant(ctx, "import", "--format", "md", kernelLog)
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stderr).To(Equal("Next: the same with --out FILE.seen saves the list; sudo -E needwant bisect SPEC --seen FILE.seen finds out which of these are needed.\n"))
		for _, address := range []string{"18.194.236.76", "52.29.158.79", "130.217.226.51", "202.118.1.81", "202.6.116.123", "202.78.240.38", "61.161.155.29"} {
			Expect(run.Stdout).To(MatchRegexp(`(?m)^\| %s \|.*\| \?\?\? \| \?\?\? \|`, strings.ReplaceAll(address, ".", `\.`)))
		}
	}, SpecTimeout(30*time.Second))

	It("reads the standard input", func(ctx SpecContext) {
		file, err := os.Open(packets)
		Expect(err).NotTo(HaveOccurred())
		defer file.Close()
		command := exec.CommandContext(ctx, program, "import", "--format", "json", "-")
		command.Stdin = file
		said, err := command.Output()
		Expect(err).NotTo(HaveOccurred())
		var list seen.List
		Expect(json.Unmarshal(said, &list)).To(Succeed())
		Expect(list.Rows).To(HaveLen(7))
	}, SpecTimeout(30*time.Second))

	DescribeTable("reads what Wireshark's dumpcap writes of a device", Label("root", "peer"), func(ctx SpecContext, format string) {
		if _, err := exec.LookPath("dumpcap"); err != nil && os.Getenv("CI") == "" {
			Skip("there is no dumpcap here")
		}
		withoutSetpriv()
		f := newFlat(ctx)
		Expect(f.router.AddAddress("eth0", netip.MustParsePrefix("198.51.100.7/32"))).To(Succeed())
		server, err := f.router.Listen(ctx, "tcp", "198.51.100.7:443")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		capture := filepath.Join(f.folder, "capture")
		dumpcap := f.machine.Command(ctx, "dumpcap", "-q", format, "-i", "device", "-w", capture)
		dumpcap.Stderr = GinkgoWriter
		Expect(dumpcap.Start()).To(Succeed())
		DeferCleanup(func() { _ = dumpcap.Process.Kill(); _ = dumpcap.Wait() })
		Eventually(func(g Gomega) {
			_, _, err := lookUp(ctx, f.device, flatRouter, "api.vendor.example")
			g.Expect(err).NotTo(HaveOccurred())
			connection, err := f.device.Dial(ctx, "tcp", "198.51.100.7:443")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(connection.Close()).To(Succeed())
			list, err := seen.Import(ctx, []string{capture}, seen.Options{Devices: []string{"192.168.1.50"}})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list.Rows).To(HaveExactElements(And(HaveField("ID", "tcp/443/api.vendor.example"), HaveField("Queries", BeNumerically(">", 0)), HaveField("Contacts", BeNumerically(">", 0)))))
		}).WithContext(ctx).WithTimeout(20 * time.Second).Should(Succeed())
	},
		Entry("as pcap", "-P", SpecTimeout(time.Minute)),
		Entry("as pcapng", "-n", SpecTimeout(time.Minute)),
	)

	DescribeTable("ends with its exit code, and what to do", func(ctx SpecContext, code int, why string, args ...string) {
		run := needwant(ctx, append([]string{"import"}, args...)...)
		Expect(run.Code).To(Equal(code), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring(why))
		Expect(run.Stdout).To(BeEmpty())
	},
		Entry("with a file of another kind", 2, "--from NAME", "import_test.go", SpecTimeout(time.Minute)),
		Entry("without the device", 2, "192.168.50.10", "--device", "192.168.50.99", "--device", "vacuum", kernelLog, SpecTimeout(time.Minute)),
		Entry("with a device that is not one", 2, "write an address", "--device", "not a device", kernelLog, SpecTimeout(time.Minute)),
		Entry("with an unknown format of a table", 2, "choose one of text, md, csv, json", "--format", "junit", kernelLog, SpecTimeout(time.Minute)),
		Entry("if the list cannot be written", 3, "writing /no/such/place/a.seen", "--out", "/no/such/place/a.seen", kernelLog, SpecTimeout(time.Minute)),
	)

	It("says what each format cannot show", func(ctx SpecContext) {
		help := strings.Join(strings.Fields(needwant(ctx, "import", "--help").Stdout), " ") // whose lines are broken
		for _, format := range seen.Formats() {
			Expect(help).To(And(ContainSubstring(format.Name), ContainSubstring(format.Cannot)))
		}
	}, SpecTimeout(30*time.Second))

	It("has the question marks filled in by lab --seen, one row for each, and what is contacted once a day on the list", Label("root", "slow"), func(ctx SpecContext) {
		path := filepath.Join(GinkgoT().TempDir(), "s50.seen")
		Expect(needwant(ctx, "import", "--out", path, kernelLog, file("daily.csv", "name,address,protocol,port,device\n"+
			"daily.example,203.0.113.77,tcp,443,192.168.50.10\nrare.example,,,,192.168.50.10\n")).Code).To(Equal(0))
		run := needwant(ctx, "lab", "--seen", path, "--format", "json", "--discard")
		Expect(run.Code).To(Equal(4), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring("has no port for rare.example"))
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(run.Stdout), &matrix)).To(Succeed())
		app := map[string]harness.Verdict{}
		for _, row := range matrix.Rows {
			Expect(row.Destination.Addresses).To(HaveLen(1))
			app[row.Destination.Addresses[0]] = row.Cells["native_app"].Verdict
		}
		Expect(matrix.Rows).To(ContainElement(And(
			HaveField("Destination.Host", "daily.example"),
			HaveField("Destination.FirstSeen", "import"),
			HaveField("Cells", HaveEach(HaveField("Verdict", harness.NotExercised))),
		)))
		Expect(matrix.Rows).To(HaveLen(8))
		Expect(app).To(Equal(map[string]harness.Verdict{
			"203.0.113.77":  harness.NotExercised,
			"18.194.236.76": harness.Required, "52.29.158.79": harness.Optional,
			"130.217.226.51": harness.Alternative, "202.118.1.81": harness.Alternative,
			"202.6.116.123": harness.Alternative, "202.78.240.38": harness.Alternative,
			"61.161.155.29": harness.Alternative,
		}))
	}, SpecTimeout(3*time.Minute))

	It("takes no list for --seen that is not one", func(ctx SpecContext) {
		wrong := needwant(ctx, "lab", "--seen", file("wrong.seen", "{}"))
		Expect(wrong.Code).To(Equal(2), wrong.Stderr)
		Expect(wrong.Stderr).To(ContainSubstring("needwant import LOG --out FILE.seen"))
	}, SpecTimeout(30*time.Second))
})
