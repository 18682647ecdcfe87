package scenarios_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

// mark stands in the text of a bad spec where it is wrong.
const mark = "▸"

// badSpec is a bad spec and what must be said of it.
type badSpec struct {
	what, message, remedy string
	text                  string
	line, column          int
}

// badSpecs reads testdata/malformed.txt.
func badSpecs() []badSpec {
	content, err := os.ReadFile("testdata/malformed.txt")
	if err != nil {
		panic(err)
	}
	var all []badSpec
	for _, section := range strings.Split("\n"+string(content), "\n== ")[1:] {
		title, rest, _ := strings.Cut(section, "\n")
		start, body, _ := strings.Cut(rest, "\n")
		said := strings.Split(title, "|")
		text := beginnings()[start] + body + "\n"
		before, after, marked := strings.Cut(text, mark)
		if len(said) != 3 || !marked || strings.Contains(after, mark) {
			panic("testdata/malformed.txt: " + title)
		}
		line := before[strings.LastIndexByte(before, '\n')+1:]
		all = append(all, badSpec{
			what: strings.TrimSpace(said[0]), message: strings.TrimSpace(said[1]), remedy: strings.TrimSpace(said[2]),
			text: before + after, line: 1 + strings.Count(before, "\n"), column: 1 + utf8.RuneCountInString(line),
		})
	}
	return all
}

func beginnings() map[string]string {
	return map[string]string{
		"@file": "", "@head": "apiVersion: needwant/v1\nkind: Scenarios\n",
		"@lab": labHead, "@nic": nicHead, "@step": labHead + "    steps:\n",
	}
}

var _ = Describe("a bad spec", func() {
	for _, bad := range badSpecs() {
		It("is refused with its place and a remedy: "+bad.what, func() {
			_, err := scenarios.Parse("bad.yaml", []byte(bad.text))
			Expect(err).To(BeAssignableToTypeOf(new(scenarios.Error)))
			said := err.(*scenarios.Error)
			Expect(fmt.Sprintf("%d:%d", said.Line, said.Column)).To(Equal(fmt.Sprintf("%d:%d", bad.line, bad.column)), said.Error())
			Expect(said.Message).To(ContainSubstring(bad.message), said.Error())
			Expect(said.Remedy).To(And(ContainSubstring(bad.remedy), Not(BeEmpty())), said.Error())
		})
	}

	It("comes in more than two hundred ways", func() {
		Expect(len(badSpecs())).To(BeNumerically(">=", 200))
	})

	DescribeTable("shows no secret that it should not have had:", func(text string, secrets ...string) {
		_, err := scenarios.Parse("bad.yaml", []byte(text))
		Expect(err).To(HaveOccurred())
		for _, secret := range secrets {
			Expect(err.Error()).NotTo(ContainSubstring(secret))
		}
	},
		Entry("a token", "secrets: {miio: 00112233445566778899aabbccddeeff}\n", "00112233"),
		Entry("a token in quotes", "secrets: {miio: \"00112233445566778899aabbccddeeff\"}\n", "00112233"),
		Entry("a passphrase", "gateway: {passphrase: open sesame}\n", "sesame"),
		Entry("a token beside another mistake", "secrets: {miio: 00112233445566778899aabbccddeeff, hss: env:A}\n", "00112233"),
		Entry("a token at a wrong place", "device: {tokn: 00112233445566778899aabbccddeeff}\n", "00112233"),
		Entry("an access token in a comment", "zzz: 1 # eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl\n", "eyJ", "c2ln"),
		Entry("a header", labHead+"    steps: [{http: {url: \"http://h\", headers: {Authorization: Bearer sesame}}}]\n", "sesame"),
		Entry("a password in a url", labHead+"    steps: [{http: \"http://me:sesame@h\"}]\n", "sesame"),
	)
})

// FuzzParse gives Parse anything: it must not panic, and what it refuses it must
// place.
func FuzzParse(f *testing.F) {
	for _, bad := range badSpecs() {
		f.Add([]byte(bad.text))
	}
	for _, entry := range scenarios.Library() {
		f.Add([]byte(entry.File.Text()))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := scenarios.Parse("fuzz.yaml", text)
		if err == nil {
			return
		}
		said, ok := err.(*scenarios.Error)
		if !ok {
			t.Fatalf("no Error: %T %v", err, err)
		}
		if said.Line < 1 || said.Column < 1 || said.Message == "" || said.Remedy == "" {
			t.Fatalf("no place or no remedy: %+v", said)
		}
	})
}
