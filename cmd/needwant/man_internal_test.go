package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the man page", func() {
	It("names every variable of the environment that the code reads", func() {
		var named []string
		for _, entry := range manEnvironment() {
			named = append(named, strings.Split(entry.word, ", ")...)
		}
		found := 0
		for _, folder := range []string{"cmd/needwant", "netns", "scenarios", "harness", "reports", "internal"} {
			Expect(filepath.WalkDir(filepath.Join("../..", folder), func(path string, entry fs.DirEntry, err error) error {
				if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
					return err
				}
				source, err := os.ReadFile(path)
				for _, variable := range regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\("(\w+)"\)`).FindAllSubmatch(source, -1) {
					found++
					Expect(named).To(ContainElement(string(variable[1])), path)
				}
				return err
			})).To(Succeed())
		}
		Expect(found).To(BeNumerically(">", 5))
	})
})
