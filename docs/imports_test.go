package docs_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const module = "github.com/needwant/needwant/"

// rooms says which rooms of the house each room may import, besides itself. A
// room is a folder with all that lies below it, except for the rooms within. Specs
// may import what they like. The picture of this is in whats-here.md.
var rooms = map[string][]string{
	"harness/search":  {},
	"harness":         {"harness/search", "internal/span"},
	"harness/runfile": {"harness", "internal/span", "internal/sudo"},

	"harness/blocklist": {"harness"},

	"harness/search/internal": {"harness/search"},
	"harness/seen":            {"harness", "netns/gateway"},

	"netns":         {},
	"netns/gateway": {"netns", "harness", "internal/span", "internal/sudo"},
	"netns/lab":     {"netns", "scenarios/miio", "internal/yamlfile", "internal/span"},

	"internal/yamlfile":   {},
	"internal/span":       {},
	"internal/sudo":       {},
	"internal/manualtest": {},

	"scenarios":      {"harness", "scenarios/miio", "scenarios/hass", "internal/yamlfile", "internal/span"},
	"scenarios/miio": {"internal/span"},
	"scenarios/hass": {"internal/span"},

	"reports":         {"harness", "harness/runfile", "harness/seen", "internal/span"},
	"reports/policy":  {"harness", "reports"},
	"reports/catalog": {"harness", "reports", "internal/yamlfile"},

	"cmd/internal/hub": {"harness", "harness/runfile", "internal/span"},
	"cmd": {
		"harness", "harness/search", "harness/runfile", "harness/seen", "harness/blocklist", "netns", "netns/gateway", "netns/lab",
		"scenarios", "scenarios/miio", "scenarios/hass", "reports", "reports/policy", "reports/catalog",
		"internal/yamlfile", "internal/span", "internal/sudo", "cmd/internal/hub",
	},
}

// fences names what only certain rooms may import from elsewhere, by the
// beginning of the import path.
var fences = []struct {
	outside string
	allowed func(room string) bool
	why     string
}{
	{"github.com/vishvananda/", inNetns, "only netns/... speaks to the kernel's network"},
	{"github.com/mdlayher/", inNetns, "only netns/... speaks to the kernel's network"},
	{"github.com/gopacket/", func(room string) bool { return inNetns(room) || room == "harness/seen" }, "only netns/... reads packets, and the importers of captures do"},
	{"github.com/coreos/go-iptables", inNetns, "only netns/... speaks to the kernel's network"},
	{"github.com/nats-io/", func(room string) bool { return room == "cmd/internal/hub" }, "only the hub speaks NATS"},
	{"os/exec", notPure, "the harness and the reports make no system calls"},
	{"syscall", notPure, "the harness and the reports make no system calls"},
	{"golang.org/x/sys", notPure, "the harness and the reports make no system calls"},
	{"net/http", notPure, "the harness and the reports make no system calls"},
}

func inNetns(room string) bool { return room == "netns" || strings.HasPrefix(room, "netns/") }

func notPure(room string) bool {
	return !slices.Contains([]string{"harness", "harness/search", "reports", "reports/policy"}, room)
}

// roomOf is the innermost room that a folder lies in, or "" when none does.
func roomOf(folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, ok := rooms[folder]; ok {
			return folder
		}
	}
	return ""
}

// imports reads which packages the folders below top import, specs apart.
func imports(top string) (map[string][]string, error) {
	found := map[string][]string{}
	err := filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && file != top && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(top, filepath.Dir(file))
		if err != nil {
			return err
		}
		found[folder] = append(found[folder], []string{}...)
		for _, spec := range source.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[folder] = append(found[folder], name)
		}
		return nil
	})
	return found, err
}

// violations says which imports break the rules, one sentence each.
func violations(imports map[string][]string) []string {
	var broken []string
	for _, folder := range slices.Sorted(maps.Keys(imports)) {
		room := roomOf(folder)
		if room == "" {
			broken = append(broken, folder+" is in no room: name it in docs/imports_test.go and docs/whats-here.md")
			continue
		}
		for _, name := range imports[folder] {
			if why := forbidden(room, name); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", folder, name, why))
			}
		}
	}
	return broken
}

// forbidden says why a room may not import a package, or "" when it may.
func forbidden(room, name string) string {
	if ours, ok := strings.CutPrefix(name, module); ok {
		other := roomOf(ours)
		if other != room && !slices.Contains(rooms[room], other) {
			return "that is not in the picture of docs/whats-here.md"
		}
		return ""
	}
	for _, fence := range fences {
		if strings.HasPrefix(name, fence.outside) && !fence.allowed(room) {
			return fence.why
		}
	}
	return ""
}

var _ = Describe("the imports", func() {
	It("go one way, as the picture shows", func() {
		tree, err := imports(root)
		Expect(err).NotTo(HaveOccurred())
		Expect(tree).To(HaveKey("harness"), "the tree was not read")
		Expect(violations(tree)).To(BeEmpty())
	})

	DescribeTable("are refused when", func(folder, name string) {
		top := GinkgoT().TempDir()
		Expect(os.MkdirAll(filepath.Join(top, folder), 0o700)).To(Succeed())
		source := fmt.Sprintf("package p\n\nimport _ %q\n", name)
		Expect(os.WriteFile(filepath.Join(top, folder, "p.go"), []byte(source), 0o600)).To(Succeed())

		tree, err := imports(top)
		Expect(err).NotTo(HaveOccurred())
		Expect(violations(tree)).To(ConsistOf(HavePrefix(folder + " imports " + name)))
	},
		Entry("a report reaches for the network", "reports", module+"netns"),
		Entry("the search learns of the harness", "harness/search/internal/peers", module+"harness"),
		Entry("the harness names its gateway", "harness", module+"netns/gateway"),
		Entry("the harness runs a program", "harness", "os/exec"),
		Entry("the lab is told of the experiment", "netns/lab", module+"harness"),
		Entry("the lab uses more of miIO's folder than the codec", "netns/lab", module+"scenarios"),
		Entry("a block driver renders a report", "netns/gateway/block", module+"reports"),
		Entry("the experiment speaks netlink", "harness", "github.com/vishvananda/netlink"),
		Entry("the program speaks iptables", "cmd/needwant", "github.com/coreos/go-iptables/iptables"),
		Entry("anything imports the program", "scenarios", module+"cmd/needwant"),
	)

	It("are refused from a folder that has no room", func() {
		Expect(violations(map[string][]string{"utilities": nil})).To(ConsistOf(ContainSubstring("is in no room")))
	})
})
