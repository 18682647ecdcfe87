package docs_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// budgeted are the folders with what a device, a server or a file can make grow.
var budgeted = []string{"netns/gateway", "scenarios", "internal/yamlfile", "harness/runfile", "harness/blocklist", "cmd/internal/nearby", "cmd/internal/hub"}

// unbounding are constants with the name of a limit that limit nothing of the kind.
var unbounding = []string{
	"scenarios/gatewaycheck.go:longestSSID", "scenarios/filecheck.go:longestTime", // of what a user writes
	"scenarios/miio/seal.go:maxPlaintext", // of what is sent
}

// limits are the constants of the folders whose names say that they are limits, by
// file and name, with their values.
func limits() map[string]string {
	GinkgoHelper()
	name := regexp.MustCompile(`^(most|longest|max|capacity)([A-Z]|$)`)
	found := map[string]string{}
	for _, folder := range budgeted {
		Expect(filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				return err
			}
			short, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			for _, declaration := range source.Decls {
				declared, ok := declaration.(*ast.GenDecl)
				if !ok || declared.Tok != token.CONST {
					continue
				}
				for _, spec := range declared.Specs {
					values := spec.(*ast.ValueSpec)
					for i, ident := range values.Names {
						if name.MatchString(ident.Name) && i < len(values.Values) {
							found[short+":"+ident.Name] = types.ExprString(values.Values[i])
						}
					}
				}
			}
			return nil
		})).To(Succeed())
	}
	for _, name := range unbounding {
		Expect(found).To(HaveKey(name))
		delete(found, name)
	}
	return found
}

// evaluated is what a constant's expression comes to, if it names no other constant
// but units of time.
func evaluated(expression string) (constant.Value, error) {
	numbers := strings.NewReplacer("time.Hour", "3600000000000", "time.Minute", "60000000000", "time.Second", "1000000000")
	value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, numbers.Replace(expression))
	return value.Value, err
}

var _ = Describe("docs/budgets.md", func() {
	row := regexp.MustCompile("(?m)^\\| ([^|]+) \\| `([^`|]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|$")

	It("lists every limit, with its value", func() {
		content, err := os.ReadFile(filepath.Join(root, "docs/budgets.md"))
		Expect(err).NotTo(HaveOccurred())
		known, listed := limits(), map[string]bool{}
		Expect(len(known)).To(BeNumerically(">", 40), "the code was not read")
		for _, cells := range row.FindAllStringSubmatch(string(content), -1) {
			name, limit := cells[2], cells[3]
			expression, exists := known[name]
			Expect(exists).To(BeTrue(), "there is no %s", name)
			listed[name] = true
			value, err := evaluated(expression)
			if err != nil { // it depends on another one
				continue
			}
			number, _, _ := strings.Cut(limit, " ")
			if lasts, err := time.ParseDuration(number); err == nil {
				Expect(value.ExactString()).To(Equal(constant.MakeInt64(int64(lasts)).ExactString()), name)
				continue
			}
			written, err := evaluated(strings.ReplaceAll(number, ",", ""))
			Expect(err).NotTo(HaveOccurred(), "%s: %s", name, limit)
			Expect(value.ExactString()).To(Equal(written.ExactString()), name)
		}
		for name := range known {
			Expect(listed).To(HaveKey(name), "a limit that is not in docs/budgets.md")
		}
	})
})
