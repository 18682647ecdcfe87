package yamlfile_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/yamlfile"
)

type recipe struct {
	Name string         `yaml:"name"`
	Eggs int            `yaml:"eggs"`
	With map[string]any `yaml:"with"`
	Tags []string       `yaml:"tags"`
}

func format() yamlfile.Format {
	return yamlfile.Format{Noun: "recipe", Examples: "cook list", Secret: regexp.MustCompile(`s3cret\w*`)}
}

func read(text string) (recipe, *yamlfile.Document, error) {
	var read recipe
	document, err := format().Open("cake.yaml", []byte(text))
	if err != nil {
		return read, nil, err
	}
	if err := document.Shape(document.Root, reflect.TypeFor[recipe](), "the recipe"); err != nil {
		return read, document, err
	}
	return read, document, document.Decode(&read)
}

// keysWithin is a key in a key, and so on, each a column further.
func keysWithin(depth int) string {
	var text strings.Builder
	for i := range depth {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}

var _ = Describe("a YAML file", func() {
	It("is read into its type", func() {
		cake, _, err := read("name: cake\neggs: 3\nwith: {sugar: [1, {fine: true}]}\ntags: [sweet]\n")
		Expect(err).NotTo(HaveOccurred())
		Expect(cake).To(And(HaveField("Eggs", 3), HaveField("Tags", []string{"sweet"}), HaveField("With", HaveKey("sugar"))))
	})

	DescribeTable("is refused where it is wrong:", func(text, place, message, remedy string) {
		_, _, err := read(text)
		var bad *yamlfile.Error
		Expect(err).To(BeAssignableToTypeOf(bad))
		bad = err.(*yamlfile.Error)
		Expect(fmt.Sprintf("%d:%d", bad.Line, bad.Column)).To(Equal(place), bad.Error())
		Expect(bad.Message).To(ContainSubstring(message))
		Expect(bad.Remedy).To(ContainSubstring(remedy))
	},
		Entry("no text", "name: \x00", "1:7", "byte 0x00", "cook list"),
		Entry("brackets without end", "name: cake\nwith: {a: "+strings.Repeat("[", 30_000)+"\n", "2:59", "nested more than 50 levels", "less deeply"),
		Entry("braces without end", strings.Repeat("{a: ", 15_000), "1:201", "nested more than 50 levels", "less deeply"),
		Entry("lists without end", "name: cake\nwith: \n  "+strings.Repeat("- ", 30_000), "3:101", "nested more than 50 levels", "less deeply"),
		Entry("keys without end", keysWithin(300), "51:52", "nested more than 50 levels", "less deeply"),
		Entry("words without end", "tags: ["+strings.Repeat("a,", 200_000)+"]", "1:100005", "more than 100000 words", "write less"),
		Entry("two documents", "name: a\n---\nname: b\n", "3:5", "second document", "each recipe into a file"),
		Entry("an unknown key", "nmae: a\n", "1:1", `unknown key "nmae" in the recipe`, `"name"`),
		Entry("a text for a number", "eggs: three\n", "1:7", "eggs is not a whole number", "write"),
		Entry("a key twice", "name: a\neggs: 1\nname: b\n", "3:1", `the key "name" is there twice, first in line 1`, "remove one of the two"),
		Entry("a tab", "with:\n\tsugar: 1\n", "2:1", "a line begins with a tab", "indent with blanks"),
		Entry("a list that begins in the line of its key", "tags: {}\n  - sweet\n", "2:3", "does not fit the lines before it", "the dash before each entry"),
		Entry("a key without a blank after its colon", "with:\n  sugar:1\n  milk: 2\n", "2:3", "this is not a key with a value", "a blank after the key"),
		Entry("a key without a colon", "name: cake\neggs\n", "2:1", "this is not a key with a value", "write a colon"),
		Entry("a first key without a colon", "with:\n  sugar 1\n  milk: 2\n", "2:3", "this is not a key with a value", "write a colon"),
		Entry("a bracket that is not closed", "tags: [sweet\nname: cake\n", "2:1", "a comma or ] is missing before this", "close the bracket"),
		Entry("a bracket that is closed by another kind", "with: {]\n", "1:8", "a bracket is not closed by one of its kind", "each { with }"),
		Entry("a reserved sign", "name: @cake\n", "1:7", "a text without quotes cannot begin with '@'", "put it into quotes"),
		Entry("a list without dashes", "tags:\n  sweet: 1\n", "2:8", "tags must be a list", "begin each entry with a dash and a blank"),
		Entry("an anchor deep within", "with: {sugar: [1, &a 2]}\n", "1:19", "anchors", "write the value out"),
		Entry("null deep within", "with: {sugar: [1, ~]}\n", "1:19", "no value", "leave the key out"),
	)

	It("may have what a world of a thousand destinations has", func() {
		var text strings.Builder
		text.WriteString("with:\n  destinations:\n")
		for i := range 1000 {
			fmt.Fprintf(&text, "    d%d: {host: a%d.example, addresses: [203.0.113.10], protocol: tcp, port: 443, service: HTTPS, after: [d1, d2]}\n", i, i)
		}
		_, _, err := read(text.String())
		Expect(err).NotTo(HaveOccurred())
		Expect(yamlfile.Bounded([]byte(text.String()))).To(Succeed())
		Expect(yamlfile.Bounded([]byte(strings.Repeat("[", 60)))).To(MatchError(ContainSubstring("line 1, column 51: this is nested more than 50")))
	})

	It("finds the place of a flaw by its path", func() {
		_, document, err := read("name: cake\ntags:\n  - sweet\n  - \"s a d\"\n")
		Expect(err).NotTo(HaveOccurred())
		flaw := yamlfile.FlawAt([]string{"tags", "1"}, "write one word", "%q is not a tag", "s a d")
		Expect(document.Locate(flaw)).To(And(HaveField("Line", 4), HaveField("Column", 5), HaveField("Source", `  - "s a d"`)))
		flaw.Inside, flaw.Column = true, 2
		Expect(document.Locate(flaw)).To(HaveField("Column", 8))
		Expect(document.Locate(yamlfile.FlawAt([]string{"eggs"}, "", "none"))).To(And(HaveField("Line", 1), HaveField("Message", "eggs: none")))
	})

	It("never shows a secret", func() {
		_, _, err := read("name: a\neggs: s3cretword # s3cretword too\n")
		Expect(err).To(MatchError("cake.yaml:2:7: eggs is not a whole number: \"**********\"\n" +
			"    eggs: ********** # ********** too\n" +
			"          ^\n" +
			"  write a whole number"))
	})
})
