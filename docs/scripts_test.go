package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// report is what Ginkgo writes, shortened: a suite's own node is no spec.
const report = `<?xml version="1.0" encoding="UTF-8"?>
  <testsuites tests="7" disabled="2" errors="1" failures="1" time="1">
      <testsuite name="a" tests="4">
          <testcase name="[SynchronizedBeforeSuite]" classname="a" status="passed" time="0"></testcase>
          <testcase name="[It] status=&#34;failed&#34; is only its name" classname="a" status="passed" time="0"></testcase>
          <testcase name="[It] b" classname="a" status="failed" time="0">
              <failure message="Expected&#xA;    &lt;int&gt;: 1" type="failed">status="passed"</failure>
          </testcase>
          <testcase name="[It] c" classname="a" status="panicked" time="0"></testcase>
          <testcase name="[It] d" classname="a" status="passed" time="0"></testcase>
      </testsuite>
      <testsuite name="b" tests="2">
          <testcase name="[It] e" classname="b" status="skipped" time="0"></testcase>
          <testcase name="[It] f" classname="b" status="pending" time="0"></testcase>
      </testsuite>
  </testsuites>
`

var _ = Describe("scripts/counts", func() {
	It("counts the specs of a report", func(ctx SpecContext) {
		file := filepath.Join(GinkgoT().TempDir(), "junit.xml")
		Expect(os.WriteFile(file, []byte(report), 0o600)).To(Succeed())
		Expect(exec.CommandContext(ctx, root+"/scripts/counts", file).Output()).To(BeEquivalentTo("2 passed, 2 failed, 2 skipped\n"))
	})

	It("counts the reports in a folder", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(folder, "a.xml"), []byte(report), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "a.plain"), []byte("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\n"), 0o600)).To(Succeed())
		Expect(exec.CommandContext(ctx, root+"/scripts/counts", folder).Output()).To(BeEquivalentTo("3 passed, 3 failed, 2 skipped\n"))
		output, err := exec.CommandContext(ctx, root+"/scripts/counts", GinkgoT().TempDir()).CombinedOutput()
		Expect(err).To(MatchError("exit status 1"))
		Expect(string(output)).To(ContainSubstring("no specs ran"))
	})

	It("fails when nothing ran", func(ctx SpecContext) {
		output, err := exec.CommandContext(ctx, root+"/scripts/counts", "/nonexistent.xml").CombinedOutput()
		Expect(err).To(MatchError("exit status 1"))
		Expect(string(output)).To(ContainSubstring("no specs ran"))
	})
})

var _ = Describe("scripts/failures", func() {
	It("names each test that failed, with its message", func(ctx SpecContext) {
		junit := filepath.Join(GinkgoT().TempDir(), "junit.xml")
		Expect(os.WriteFile(junit, []byte(report), 0o600)).To(Succeed())
		plain := filepath.Join(GinkgoT().TempDir(), "a.plain")
		Expect(os.WriteFile(plain, []byte("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\n"), 0o600)).To(Succeed())
		Expect(exec.CommandContext(ctx, root+"/scripts/failures", junit, plain).Output()).To(BeEquivalentTo(
			"failed: a: [It] b\n    Expected <int>: 1\npanicked: a: [It] c\nfailed: " + plain + ": TestB\n"))
	})
})

var _ = Describe("scripts/suite", func() {
	It("fails if one of Go's own tests does, and shows what that one printed", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		for name, content := range map[string]string{
			"go.mod":     "module example.org/a\n\ngo 1.26\n",
			"bin/inside": "#!/bin/sh\nexec \"$@\"\n",
			"a/a_test.go": "package a\n\nimport \"testing\"\n\n" +
				"func TestPasses(t *testing.T) { t.Log(\"well\") }\n" +
				"func TestFails(t *testing.T) { t.Error(\"broken\") }\n" +
				"func TestPassesToo(t *testing.T) { t.Log(\"well\") }\n",
		} {
			path := filepath.Join(folder, name)
			Expect(os.MkdirAll(filepath.Dir(path), 0o700)).To(Succeed())
			Expect(os.WriteFile(path, []byte(content), 0o700)).To(Succeed())
		}
		results := filepath.Join(folder, ".cache", "tests")
		Expect(os.MkdirAll(results, 0o700)).To(Succeed())

		script, err := filepath.Abs(root + "/scripts/suite")
		Expect(err).NotTo(HaveOccurred())
		command := exec.CommandContext(ctx, script, "./a")
		command.Dir = folder
		command.Env = append(os.Environ(), "results="+results, "labels=", "plain=yes", "race=", "live=")
		output, err := command.CombinedOutput()
		Expect(err).To(MatchError("exit status 1"))
		Expect(string(output)).To(MatchRegexp(`^FAILED ./a +\d+ s, +\d+\.\d s of processor time\n$`))
		Expect(os.ReadFile(filepath.Join(results, "a.failed"))).To(And(ContainSubstring("broken"), Not(ContainSubstring("well"))))
		Expect(exec.CommandContext(ctx, root+"/scripts/counts", filepath.Join(results, "a.plain")).Output()).To(BeEquivalentTo("2 passed, 1 failed, 0 skipped\n"))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("scripts/test", func() {
	// What these assemble is tested with the race detector in its own packages.
	assembled := []string{"cmd/internal/lablane", "cmd/internal/applied"}

	It("leaves out the race detector only where nothing runs at the same time", func() {
		var suites []string
		Expect(filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, "_test.go") {
				written, readErr := os.ReadFile(path)
				if regexp.MustCompile(`\n\tRunSpecs\(.*"norace"`).Match(written) {
					suites = append(suites, filepath.Dir(path))
				}
				return readErr
			}
			return err
		})).To(Succeed())
		Expect(len(suites)).To(BeNumerically(">", len(assembled)))
		for _, suite := range suites {
			folder, err := filepath.Rel(root, suite)
			Expect(err).NotTo(HaveOccurred())
			if !slices.Contains(assembled, folder) {
				Expect(startsGoroutine(suite)).To(BeEmpty(), folder)
			}
		}
	})
})

// startsGoroutine finds where a folder's code, apart from its tests, starts a goroutine.
func startsGoroutine(folder string) (where string) {
	GinkgoHelper()
	files, err := filepath.Glob(folder + "/*.go")
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		Expect(err).NotTo(HaveOccurred())
		ast.Inspect(parsed, func(node ast.Node) bool {
			method, _ := node.(*ast.SelectorExpr)
			if _, starts := node.(*ast.GoStmt); starts || method != nil && method.Sel.Name == "Go" {
				where = set.Position(node.Pos()).String()
			}
			return true
		})
	}
	return where
}

var _ = Describe("make", func() {
	It("says after the lab how the next command is typed, unless the program is installed", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(os.Mkdir(filepath.Join(folder, "bin"), 0o755)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "bin", "needwant"), []byte("#!/bin/sh\n"), 0o755)).To(Succeed())
		Expect(os.CopyFS(filepath.Join(folder, "installed"), os.DirFS(filepath.Join(folder, "bin")))).To(Succeed())
		lab := func(path string) string {
			makefile, err := filepath.Abs(filepath.Join(root, "Makefile"))
			Expect(err).NotTo(HaveOccurred())
			command := exec.CommandContext(ctx, "make", "-C", folder, "--no-print-directory", "-f", makefile, "-o", "deps", "-o", "build", "lab")
			command.Env = append(os.Environ(), "PATH="+path)
			output, err := command.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "%s", output)
			return string(output)
		}
		if _, err := exec.LookPath("needwant"); err != nil {
			Expect(lab(os.Getenv("PATH"))).To(ContainSubstring("needwant is bin/needwant here: sudo make install"))
		}
		Expect(lab(filepath.Join(folder, "installed") + ":" + os.Getenv("PATH"))).To(BeEmpty())
	})

	It("lists every target a person would call", func(ctx SpecContext) {
		output, err := exec.CommandContext(ctx, "make", "-C", root, "--no-print-directory").Output()
		Expect(err).NotTo(HaveOccurred())
		for _, match := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(text("Makefile"), -1) {
			if !strings.HasPrefix(match[1], "deps-") {
				Expect(string(output)).To(MatchRegexp(`(?m)^  make ` + match[1] + ` +\S`))
			}
		}
	})
})

// Each spec hides programs in a mount namespace of its own; the machine itself
// is left as it is.
var _ = Describe("scripts/install", Label("root"), func() {
	// install runs scripts/install for the lab where iptables is missing, and the
	// machine's package manager is the script that is given.
	install := func(ctx SpecContext, user, manager string) (string, error) {
		GinkgoHelper()
		fake := filepath.Join(GinkgoT().TempDir(), "manager")
		Expect(os.WriteFile(fake, []byte("#!/bin/sh\n"+manager), 0o600)).To(Succeed())
		Expect(os.Chmod(fake, 0o755)).To(Succeed())

		hidden := `set -e
			iptables=$(PATH=$PATH:/usr/sbin command -v iptables)
			mount --bind /dev/null "$iptables"
			mount --bind "$1" "$(command -v apt-get || command -v dnf || command -v apk)"
			export iptables; shift; exec "$@"`
		arguments := []string{"--mount", "--map-root-user", "sh", "-c", hidden, "sh", fake}
		if user != "root" {
			arguments = append(arguments, "unshare", "--map-user=1000")
		}
		command := exec.CommandContext(ctx, "unshare", append(arguments, root+"/scripts/install", "lab")...)
		command.Env = append(os.Environ(), "CI=")
		output, err := command.CombinedOutput()
		return string(output), err
	}

	typed := `type as root:\n\n    .*(apt-get install|dnf install|apk add) .*\biptables`

	It("installs what is missing", func(ctx SpecContext) {
		output, err := install(ctx, "root", `echo "$0 $*"; [ "$1" = update ] || umount "$iptables"`)
		Expect(err).NotTo(HaveOccurred(), output)
		Expect(output).To(ContainSubstring("missing: iptables, which blocks and unblocks"))
		Expect(output).To(MatchRegexp(`(apt-get install|dnf install|apk add) .*\biptables`))
	})

	It("stops when that fails, and says what to type", func(ctx SpecContext) {
		output, err := install(ctx, "root", `exit 100`)
		Expect(err).To(MatchError("exit status 1"))
		Expect(output).To(MatchRegexp(typed))
		Expect(output).To(HaveSuffix("stopping: there is no going on without iptables\n"))
	})

	It("says what to type to those who may not", func(ctx SpecContext) {
		output, err := install(ctx, "somebody", `echo called`)
		Expect(err).To(MatchError("exit status 1"))
		Expect(output).NotTo(ContainSubstring("called"))
		Expect(output).To(MatchRegexp(typed))
	})

	DescribeTable("says how to get a Go that can build this", func(ctx SpecContext, script, says string) {
		folder := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(folder, "go"), []byte("#!/bin/sh\n"+script), 0o700)).To(Succeed())
		command := exec.CommandContext(ctx, root+"/scripts/install", "build")
		command.Env = append(os.Environ(), "PATH="+folder+":/usr/bin:/bin")
		output, err := command.CombinedOutput()
		Expect(err).To(MatchError("exit status 1"))
		Expect(string(output)).To(And(ContainSubstring(says), MatchRegexp(`golang-go|https://go.dev/doc/install`)))
	},
		Entry("of a release that does not read go.mod", `case $1 in
			version) echo go version go1.19.8 linux/amd64 ;;
			*) echo "go: errors parsing go.mod: invalid go version '1.26.0': must match format 1.23" >&2; exit 1 ;;
			esac`, "go version go1.19.8 linux/amd64 cannot build needwant"),
		Entry("if there is none", "exit 127", "Go is missing. Make does not install it."),
	)
})
