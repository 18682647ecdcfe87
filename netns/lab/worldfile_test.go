package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// head begins a world; what follows is on line 5.
const head = "apiVersion: needwant/v1\nkind: World\nname: bad\ndevice: {model: a.b.c}\n"

// small is a good world up to its functions, which are on line 9.
const small = head + `destinations:
  a: {host: a.example, addresses: [192.0.2.1], protocol: tcp, port: 443}
  b: {host: b.example, addresses: [192.0.2.2], protocol: udp, port: 123}
  c: {addresses: ["2001:db8::3"], protocol: udp, port: 8053}
`

var _ = Describe("A bad world", func() {
	DescribeTable("is refused with the place, the reason and the remedy",
		func(text string, line, column int, message, remedy string) {
			_, err := lab.Parse("bad.yaml", []byte(text))
			var bad *lab.Error
			Expect(err).To(BeAssignableToTypeOf(bad))
			bad = err.(*lab.Error)
			Expect(fmt.Sprintf("%s:%d:%d", bad.File, bad.Line, bad.Column)).To(Equal(fmt.Sprintf("bad.yaml:%d:%d", line, column)), bad.Error())
			Expect(bad.Message).To(ContainSubstring(message))
			Expect(bad.Remedy).To(And(ContainSubstring(remedy), Not(BeEmpty())))
			if bad.Source != "" {
				Expect(bad.Error()).To(ContainSubstring("\n    "+bad.Source+"\n    "), "it shows the line")
			}
		},
		Entry("an empty file", "", 1, 1, "empty", "apiVersion"),
		Entry("only a comment", "# nothing\n", 1, 1, "empty", "apiVersion"),
		Entry("a binary file", "\x7fELF\x02\x01\x01\x00", 1, 1, "no text: byte 0x7f", "YAML"),
		Entry("bytes that are not UTF-8", head+"about: \xff\n", 5, 8, "no text: byte 0xff", "UTF-8"),
		Entry("no YAML at all", head+"x: [1, 2\n", 5, 4, "not found", ""),
		Entry("a list", "- a\n- b\n", 1, 1, "must be a mapping", "key: value"),
		Entry("a second document", small+"---\nname: other\n", 10, 5, "second document", "file of its own"),
		Entry("the same key twice", head+"name: again\n", 5, 1, "is there twice, first in line 3", ""),
		Entry("an anchor", head+"about: &a text\n", 5, 8, "anchors", "write the value out"),
		Entry("an alias", head+"about: *a\n", 5, 8, "", ""),
		Entry("a merge key", head+"<<: {a: 1}\n", 5, 1, "anchors", ""),
		Entry("an unknown key", head+"destination: {}\n", 5, 1, `unknown key "destination"`, `did you mean "destinations"?`),
		Entry("a key like no other", head+"zzzzzzzzzzzz: 1\n", 5, 1, "unknown key", "known are apiVersion"),
		Entry("an unknown key of a destination", head+"destinations:\n  a: {adresses: [192.0.2.1]}\n", 6, 7, `"adresses"`, `"addresses"`),
		Entry("an unknown key of the tempo", head+"tempo: {pol: 1s}\n", 5, 9, `"pol"`, `"poll"`),
		Entry("an unknown function", small+"functions: {contrl: a}\n", 9, 13, `unknown function "contrl"`, `"control"`),
		Entry("an unknown function in boot", small+"boot: {stats: a}\n", 9, 8, `unknown function "stats"`, `"status"`),
		Entry("another version", strings.Replace(small, "needwant/v1", "needwant/v2", 1), 1, 13, `"needwant/v2"`, "needwant/v1"),
		Entry("another kind", strings.Replace(small, "World", "Scenarios", 1), 2, 7, `"Scenarios"`, "kind: World"),
		Entry("a name with spaces", strings.Replace(small, "bad", "a b", 1), 3, 7, "not a name", "letters"),
		Entry("a key without a value", head+"tempo:\n", 5, 8, "no value", "leave the key out"),
		Entry("a duration without a unit", head+"tempo: {contact: 5}\n", 5, 18, "contact has no unit", "5s for seconds"),
		Entry("a negative duration", head+"tempo: {contact: -1s}\n", 5, 18, "not a duration", "200ms"),
		Entry("a duration of nothing", small+"tempo: {contact: 0s}\n", 9, 18, "contact is 0s", "10ms"),
		Entry("a poll too fast", small+"tempo: {poll: 1ms}\n", 9, 15, "poll is 1ms", "10ms"),
		Entry("no patience", small+"tempo: {patience: 0}\n", 9, 19, "patience is 0", "1 to 100"),
		Entry("half a patience", small+"tempo: {patience: 1.5}\n", 9, 19, "not a whole number", ""),
		Entry("no model", strings.Replace(small, "model: a.b.c", "firmware: 1", 1), 4, 1, "no model", "model:"),
		Entry("a short token", strings.Replace(small, "a.b.c", "a.b.c, token: abc", 1), 4, 31, "token is not good", "32 hexadecimal"),
		Entry("a resolver that is none", strings.Replace(small, "a.b.c", "a.b.c, resolver: dns", 1), 4, 34, "not an IPv4 or IPv6 address", ""),
		Entry("no destinations", head+"destinations: {}\n", 5, 1, "contacts nothing", "at least one"),
		Entry("destinations left out", head, 1, 1, "destinations: the device contacts nothing", ""),
		Entry("a list of destinations", head+"destinations: [a, b]\n", 5, 15, "must be a mapping", ""),
		Entry("an id with a space", head+"destinations: {a b: {addresses: [192.0.2.1], protocol: tcp, port: 1}}\n", 5, 16, "not an id", "letter"),
		Entry("an address that is none", head+"destinations: {a: {addresses: [192.0.2], protocol: tcp, port: 1}}\n", 5, 32, "not an IPv4 or IPv6 address", ""),
		Entry("an address with a zone", head+"destinations: {a: {addresses: [\"fe80::1%eth0\"], protocol: tcp, port: 1}}\n", 5, 32, "not an IPv4 or IPv6 address", ""),
		Entry("an address that is no list", head+"destinations: {a: {addresses: 192.0.2.1, protocol: tcp, port: 1}}\n", 5, 31, "must be a list", "[192.0.2.1]"),
		Entry("a multicast address", head+"destinations: {a: {addresses: [224.0.0.1], protocol: tcp, port: 1}}\n", 5, 32, "no address of a destination", ""),
		Entry("an address of the lab's own", head+"destinations: {a: {addresses: [192.168.50.7], protocol: tcp, port: 1}}\n", 5, 32, "192.168.50.0/24", ""),
		Entry("the same address twice", head+"destinations: {a: {host: x.example, addresses: [192.0.2.1, 192.0.2.1], protocol: tcp, port: 1}}\n", 5, 60, "twice", ""),
		Entry("no address", head+"destinations: {a: {host: x.example, addresses: [], protocol: tcp, port: 1}}\n", 5, 48, "no addresses", ""),
		Entry("two addresses without a name", head+"destinations: {a: {addresses: [192.0.2.1, 192.0.2.2], protocol: tcp, port: 1}}\n", 5, 31, "only one address", "host"),
		Entry("a port too large", head+"destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 65536}}\n", 5, 65, "not a number from 1 to 65535", ""),
		Entry("port zero", head+"destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 0}}\n", 5, 65, "no port", "1 to 65535"),
		Entry("a port in words", head+"destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: https}}\n", 5, 65, "not a number", ""),
		Entry("an unknown protocol", head+"destinations: {a: {addresses: [192.0.2.1], protocol: sctp, port: 1}}\n", 5, 54, `"sctp"`, "tcp, udp or icmp"),
		Entry("a port of ICMP", head+"destinations: {a: {addresses: [192.0.2.1], protocol: icmp, port: 1}}\n", 5, 66, "icmp has no port", "leave it out"),
		Entry("a host that is an address", head+"destinations: {a: {host: 192.0.2.1, addresses: [192.0.2.1], protocol: tcp, port: 1}}\n", 5, 26, "not a host name", "leave host out"),
		Entry("a host with a space", head+"destinations: {a: {host: a b, addresses: [192.0.2.1], protocol: tcp, port: 1}}\n", 5, 26, "not a host name", ""),
		Entry("half a second of ttl", head+"destinations: {a: {host: a.example, ttl: 500ms, addresses: [192.0.2.1], protocol: tcp, port: 1}}\n", 5, 42, "ttl is 500ms", "whole seconds"),
		Entry("the same destination twice", small+"  d: {host: A.example, addresses: [192.0.2.1], protocol: tcp, port: 443}\n", 9, 3, `also destination "a"`, ""),
		Entry("a name with two answers", small+"  d: {host: a.example, addresses: [192.0.2.9], protocol: tcp, port: 80}\n", 9, 35, `other addresses in "a"`, ""),
		Entry("a bare address that a name has too", small+"  d: {addresses: [192.0.2.1], protocol: tcp, port: 443}\n", 9, 19, `also contacted as "a"`, ""),
		Entry("a resolver that has a name as well", strings.Replace(small, "a.b.c", "a.b.c, resolver: 8.8.8.8", 1)+"  d: {host: dns.example, addresses: [8.8.8.8], protocol: udp, port: 53}\n", 4, 34, `also contacted as "d"`, ""),
		Entry("an unknown after", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, after: [aa]}\n", 9, 63, `unknown destination "aa"`, `"a"`),
		Entry("after itself", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, after: [d]}\n", 9, 63, "circle: d after d", "leave one out"),
		Entry("a circle of three", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, after: [e]}\n  e: {addresses: [192.0.2.5], protocol: tcp, port: 1, after: [f]}\n  f: {addresses: [192.0.2.6], protocol: tcp, port: 1, after: [d]}\n", 9, 63, "circle: d after e after f after d", ""),
		Entry("an unknown when", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, when: use:contrl}\n", 9, 61, `unknown when "use:contrl"`, `"use:control"`),
		Entry("an unknown id", small+"functions: {control: \"a && bb\"}\n", 9, 28, `unknown destination "bb"`, `"b"`),
		Entry("an unknown id without quotes", small+"functions:\n  control: a && (b || x)\n", 10, 23, `unknown destination "x"`, ""),
		Entry("an unknown id in boot", small+"boot: {control: 'zz'}\n", 9, 18, `unknown destination "zz"`, ""),
		Entry("not", small+"functions: {control: \"a && !b\"}\n", 9, 28, `"!" is not allowed`, "after"),
		Entry("one ampersand", small+"functions: {control: \"a & b\"}\n", 9, 25, "unexpected", "a && b"),
		Entry("an open parenthesis", small+"functions: {control: \"(a && b\"}\n", 9, 23, "never closed", `")"`),
		Entry("a parenthesis too many", small+"functions: {control: \"a)\"}\n", 9, 24, "unexpected", ""),
		Entry("an expression that stops", small+"functions: {control: \"a &&\"}\n", 9, 27, "ends", "id of a destination"),
		Entry("false", small+"functions: {control: \"false\"}\n", 9, 23, `"false"`, ""),
		Entry("parentheses without end", small+"functions: {control: \""+strings.Repeat("(", 500)+"\"}\n", 9, 123, "too many parentheses", ""),
		Entry("an unknown failure", small+"failure: quiet\n", 9, 10, `"quiet"`, "silent"),
		Entry("a probability above one", small+"noise: {deaf: 1.5}\n", 9, 15, "not a probability", "0 to 1"),
		Entry("a spell without its length", small+"noise: {spell: {chance: 0.5}}\n", 9, 9, "spell needs", "every"),
		Entry("a duty that never fails", small+"duty: {up: 1s}\n", 9, 1, "ever fail", "down"),
		Entry("an unknown fallback", small+"assistant: {fallback: clod}\n", 9, 23, `unknown fallback "clod"`, `"cloud"`),
		Entry("a fallback without a stream", head+"destinations: {a: {addresses: [192.0.2.1], protocol: udp, port: 123}}\nassistant: {fallback: cloud}\n", 6, 23, "no stream", "tcp"),
		Entry("an unknown scenario", small+"scenarios: [native]\n", 9, 13, `"native"`, "native_app"),
		Entry("a stand-in for what has none", small+"  d: {addresses: [192.0.2.4], protocol: udp, port: 1, content_with: [probe]}\n", 9, 69, "only udp/123, udp/8053 and tcp", "leave it out"),
		Entry("another stand-in than accepted connections", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, content_with: [probe]}\n", 9, 70, `"probe" cannot answer for tcp/1`, "[tcp]"),
		Entry("a cloud that no echo shows", small+"  d: {addresses: [192.0.2.4], protocol: udp, port: 8053, content_with: []}\n", 9, 72, "no other way", "leave it out"),
		Entry("a stand-in that cannot answer", small+"  d: {addresses: [192.0.2.4], protocol: udp, port: 123, content_with: [probe]}\n", 9, 72, `"probe" cannot answer for udp/123`, "[ntp]"),
		Entry("an unknown hang", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, hangs: [silent]}\n", 9, 63, `unknown hang "silent"`, `"silence"`),
		Entry("a hang twice", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, hangs: [silence, silence]}\n", 9, 72, "twice", ""),
		Entry("a name to hang on that is none", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, hangs: [no_name]}\n", 9, 63, "no name that might not exist", "host"),
		Entry("a period shorter than the tempo", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, every: 100ms}\n", 9, 62, "every is 100ms", "from 200ms"),
		Entry("a period of two years", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, every: 17520h}\n", 9, 62, "every is 17520h", "8760h"),
		Entry("a period of what only the start contacts", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, every: 1h, when: boot}\n", 9, 62, "no period", "leave every or when out"),
		Entry("too much patience with one", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, patience: 101}\n", 9, 65, "patience is 101", "1 to 100"),
		Entry("what only the start contacts, and not at the start", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, at_start: false, when: boot}\n", 9, 65, "no other time", "leave at_start"),
		Entry("a fallback that is not contacted at the start", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, at_start: false, after: [a]}\n", 9, 65, "a fallback is never", "leave it out"),
		Entry("a start that waits for what is not contacted then", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, at_start: false}\nboot: {control: a && d}\n", 10, 22, "not contacted at the start", "functions"),
		Entry("a cloud that has no stream to know the state by, since it is contacted once an hour", head+"destinations: {a: {addresses: [192.0.2.1], protocol: tcp, port: 1, every: 1h}}\nassistant: {fallback: cloud}\n", 6, 23, "no stream", "tcp"),
		Entry("late by nothing", small+"late: {unless: {status: a}}\n", 9, 1, "by how much", "300ms"),
		Entry("an unknown id in late", small+"late: {by: 1s, unless: {status: zz}}\n", 9, 33, `unknown destination "zz"`, ""),
		Entry("a watch that never checks", small+"watch: {for: 3s, ratio: 0.5}\n", 9, 1, "every", "100ms"),
		Entry("a watch of no part of the time", small+"watch: {every: 1s, for: 3s, ratio: 0}\n", 9, 36, "not a part of the time", "above 0"),
		Entry("a scenario twice", small+"scenarios: [hass, hass]\n", 9, 19, "twice", ""),
		Entry("a command that cannot come", small+"functions: {remote: b}\nscenarios: [remote]\n", 9, 21, "no session", "tcp"),
		Entry("blocking more that repairs", small+"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, after: [a]}\nfunctions: {control: d}\n", 10, 22, "blocking a as well repairs it", "monotone: false"),
		Entry("monotone in words", small+"monotone: maybe\n", 9, 11, "not true or false", ""),
	)

	It("is shown with a mark below the place, tabs kept", func() {
		_, err := lab.Parse("w.yaml", []byte(small+"functions: {status:\t\"a && zz\"}\n"))
		Expect(err).To(MatchError("w.yaml:9:26: unknown destination \"zz\"\n" +
			"    functions: {status:\t\"a && zz\"}\n" +
			"                       \t     ^\n" +
			"  known are a, b, c"))
	})
})

var _ = Describe("A file", func() {
	It("is read as a world", func() {
		path := filepath.Join(GinkgoT().TempDir(), "w.yaml")
		Expect(os.WriteFile(path, []byte(small), 0o600)).To(Succeed())
		world, err := lab.Load(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(world.IDs()).To(Equal([]string{"a", "b", "c"}))
		Expect(world.Text()).To(Equal(small))
	})

	DescribeTable("that cannot be read is a clear error",
		func(prepare func(folder string) string, message string) {
			path := prepare(GinkgoT().TempDir())
			_, err := lab.Find(path)
			Expect(err).To(BeAssignableToTypeOf(new(lab.Error)))
			Expect(err).To(MatchError(ContainSubstring(message)))
			Expect(err.(*lab.Error).Remedy).NotTo(BeEmpty())
		},
		Entry("none there", func(folder string) string { return folder + "/none.yaml" }, "no such file"),
		Entry("a folder", func(folder string) string { return folder + "/" }, "it is not a file"),
		Entry("a huge one", func(folder string) string {
			path := folder + "/huge.yaml"
			Expect(os.WriteFile(path, make([]byte, 1<<20+1), 0o600)).To(Succeed())
			return path
		}, "1048577 bytes"),
		Entry("a name that is none", func(string) string { return "s50-thred" }, "neither a world of the library nor a file"),
	)

	It("with a name close to a library world gets a suggestion", func() {
		_, err := lab.Find("s50-thred")
		Expect(err).To(MatchError(ContainSubstring(`did you mean "s50-thread"?`)))
	})
})

func FuzzParse(f *testing.F) {
	for _, world := range lab.Library() {
		f.Add(world.Text())
	}
	f.Add(small)
	f.Add(head + "functions: {control: \"((a && !b\"}\n")
	f.Add("a: &a [*a, *a]\n")
	for _, tail := range []string{
		"<<: {a: 1}\n", "---\nname: other\n", "boot: {control: 'zz'}\n", "noise: {spell: {chance: 0.5}}\n", "monotone: maybe\n",
		"tempo: {contact: 5}\n", "scenarios: [hass, hass]\n", "assistant: {fallback: cloud}\n", "functions: {status:\t\"a && zz\"}\n",
		"  d: {addresses: [192.0.2.4], protocol: tcp, port: 1, after: [d]}\n", "  d: {host: a.example, addresses: [192.0.2.9], protocol: tcp, port: 80}\n",
	} {
		f.Add(small + tail)
	}
	f.Fuzz(func(t *testing.T, text string) {
		world, err := lab.Parse("fuzz.yaml", []byte(text))
		if err != nil {
			if bad, ok := err.(*lab.Error); !ok || bad.Line < 1 || bad.Column < 1 || bad.Message == "" || bad.Remedy == "" {
				t.Fatalf("an error without a place or a remedy: %#v", err)
			}
			return
		}
		if _, err := labtest.Make(world); err != nil {
			t.Fatalf("a good world cannot be made again: %v", err)
		}
	})
}
