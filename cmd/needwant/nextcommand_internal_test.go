package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"
)

// namedCommand matches a command of needwant in a message, up to the end of the clause.
var namedCommand = regexp.MustCompile(`(sudo (?:-E )?)?needwant ([a-z][^;:()"\n]*)`)

var _ = Describe("a command that a message names", func() {
	It("exists, with the flags that are named", func() {
		root := command(io.Discard, io.Discard)
		seen := map[string]bool{}
		check := func(where, text string, must bool) {
			words := strings.Fields(text)
			found, _, err := root.Find(words)
			if err != nil || found == root {
				Expect(must).To(BeFalse(), "%s: there is no command %q", where, text)
				return // prose, such as "needwant restores"
			}
			seen[found.Name()] = true
			for _, word := range words {
				if name, isFlag := strings.CutPrefix(strings.TrimRight(word, ".,"), "--"); isFlag {
					name, _, _ = strings.Cut(name, "=")
					Expect(flagged(found, name)).To(BeTrue(), "%s: %s has no flag --%s", where, found.CommandPath(), name)
				}
				if strings.HasSuffix(word, ".") || strings.HasSuffix(word, ",") {
					break
				}
			}
		}
		files, err := filepath.Glob("*.go")
		Expect(err).NotTo(HaveOccurred())
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			tree, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
			Expect(err).NotTo(HaveOccurred())
			ast.Inspect(tree, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.BasicLit:
					if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
						for _, match := range namedCommand.FindAllStringSubmatch(text, -1) {
							check(path, match[2], match[1] != "")
						}
					}
				case *ast.CallExpr:
					name, ok := node.Fun.(*ast.Ident)
					if !ok || name.Name != "asRoot" && name.Name != "onRun" {
						return true
					}
					if text, ok := firstText(node.Args[1]); ok {
						check(path, text, true)
					}
				}
				return true
			})
		}
		for _, name := range []string{"resume", "watch", "report", "export", "verify", "gateway", "bisect", "check", "doctor", "restore", "add"} {
			Expect(seen).To(HaveKey(name))
		}
	})
})

// flagged reports whether a command has a flag.
func flagged(command *cobra.Command, name string) bool {
	return name == "help" || command.Flags().Lookup(name) != nil || command.InheritedFlags().Lookup(name) != nil || command.PersistentFlags().Lookup(name) != nil
}

// firstText is the text that an expression begins with.
func firstText(of ast.Expr) (string, bool) {
	for {
		sum, ok := of.(*ast.BinaryExpr)
		if !ok {
			break
		}
		of = sum.X
	}
	literal, ok := of.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
