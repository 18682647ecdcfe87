package policy_test

import (
	"encoding/json"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// attacks are names that a device may look up, or be answered with.
var attacks = map[string]string{
	"a script":             `<script>alert(1)</script>`,
	"a pipe":               "a|b || c",
	"a new line of nft":    "x\n}\ntable inet evil { }\n#",
	"a rule of iptables":   "x\n-A FORWARD -j ACCEPT\nCOMMIT",
	"a quote of uci":       "x'\n\toption target 'ACCEPT'",
	"a command of uci":     "$(reboot)`reboot`",
	"an option of dnsmasq": "x/1.2.3.4\nconf-file=/etc/shadow",
	"a rule of AdGuard":    "x^$client=1.1.1.1\n@@||*^",
	"a word of RouterOS":   "x\" action=accept; /system reset; :put \"[/user print]$name\\",
	"a line of hosts":      "x\r\n6.6.6.6 bank.example",
	"a comment":            "# ! // /* -- */",
	"quotes":               `"'` + "`",
	"JSON":                 `","payload":"ON"},{"topic":"x`,
	"backwards":            "abc\u202egnp.exe\u2066d\u200f",
	"hidden":               "a\u200bb\ufeffd\x00f\x1b[2J",
	"no text":              "a\xff\xfe\xc3b",
	"a long label":         strings.Repeat("a", 255) + ".example",
	"a long name":          strings.Repeat("abcdefghi.", 40) + "example",
	"a wildcard":           "*log.example.com",
	"an inner wildcard":    "log.*.example.com",
	"two wildcards":        "*.*.example.com",
	"everything":           "#",
	"a root":               ".",
	"a template":           "{{.}} ${x} %s %n %%",
	"nothing":              "",
}

var _ = Describe("an export of a hostile device", func() {
	for what, text := range attacks {
		It("is harmless, given "+what, func() {
			for _, kind := range policy.Kinds() {
				hostile := made(spoken(text), policy.Options{Kind: kind, Device: policy.Device{Name: text}})
				neutral := made(spoken("no_name!"), policy.Options{Kind: kind, Device: policy.Device{Name: "no_name!"}})
				for _, format := range languages() {
					got, ok := written(format, hostile)
					want, _ := written(format, neutral)
					if ok {
						Expect(got.Text).To(MatchRegexp(`\A[\t\n -~]*\z`), format.Name)
						Expect(shape(got.Text)).To(Equal(shape(want.Text)), format.Name+" has the lines that it has for any odd name")
						expectSoundJSON(format, got)
					}
				}
			}
		})
	}
})

// spoken is the fan with one text wherever a stranger may have written: what it
// is called, an optional and a required name, an address, the run, a column.
func spoken(text string) reports.Matrix {
	m := matrix(fan()...)
	m.Device = reports.Device{Name: text, Model: text, Firmware: text}
	m.Run.ID, m.Run.Status = text, harness.Status(text)
	for _, i := range []int{0, 1} {
		d := &m.Rows[i].Destination
		d.Host = text
		d.Addresses = append(d.Addresses, text)
		d.Collateral = []string{text}
		for s := range m.Safe {
			for j, id := range m.Safe[s].Destinations {
				if id == d.ID {
					m.Safe[s].Destinations[j].Name = text
				}
			}
		}
	}
	// The required one is not of the same id as the optional one.
	m.Rows[1].Destination.ID.Name = text
	m.Rows[0].Destination.ID = harness.Destination{Protocol: "tcp", Port: 444, Name: text}
	return m
}

var (
	comment = regexp.MustCompile(`(?m)^\s*[#!].*\n`)
	quoted  = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	slug    = regexp.MustCompile(`(?i)needwant_\w+|needwant/\w+|mud\.example/\w+`)
	remark  = regexp.MustCompile(`(?m)(tcp|udp)/\d+/.*$`)
	called  = regexp.MustCompile(`Source: Device, .*`)
)

// shape is an export without comments, and without what stands within quotes
// and names: what is left is the language itself.
func shape(text string) string {
	text = comment.ReplaceAllString(text, "")
	text = quoted.ReplaceAllString(text, "Q")
	text = remark.ReplaceAllString(text, "R")
	text = called.ReplaceAllString(text, "D")
	return slug.ReplaceAllString(text, "S")
}

func expectSoundJSON(format policy.Format, e policy.Export) {
	GinkgoHelper()
	if format.Comments() {
		return
	}
	Expect(json.Valid([]byte(e.Text))).To(BeTrue(), format.Name)
}
