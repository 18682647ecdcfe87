package blocklist_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
)

func parse(text string, clients ...string) *blocklist.List {
	GinkgoHelper()
	list, err := blocklist.Parse("list.txt", strings.NewReader(text), clients...)
	Expect(err).NotTo(HaveOccurred())
	return list
}

// words divides at spaces.
func words(text string) []string { return strings.Fields(text) }

var _ = DescribeTable("a list blocks",
	func(text, blocked, free string) {
		list := parse(text)
		for _, name := range words(blocked) {
			Expect(list.Blocks(name)).To(BeTrue(), name)
		}
		for _, name := range words(free) {
			Expect(list.Blocks(name)).To(BeFalse(), name)
		}
	},
	Entry("hosts", "# a comment\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 ads.example  B.example. # why\n127.0.0.1\tc.example\r\n",
		"ads.example b.example c.example", "x.ads.example example localhost"),
	Entry("domains: a name alone, and with all below it", "ads.example\n*.wide.example\n.dot.example\n_sip.under.example\nbücher.example\n",
		"ads.example wide.example a.b.wide.example dot.example x.dot.example _sip.under.example xn--bcher-kva.example", "x.ads.example notwide.example"),
	Entry("AdBlock", "[Adblock Plus 2.0]\n! comment\n||ads.example^\n@@||ok.ads.example^\n||forced.ads.example^$important\n@@||forced.ads.example^\n@@||never.example^$important\n||never.example^$important\nplain.example\n",
		"ads.example x.ads.example forced.ads.example plain.example", "ok.ads.example x.ok.ads.example never.example sads.example"),
	Entry("AdBlock with wildcards", "||ads*.example^\n|track.\n-metrics.example|\n/^tele[0-9]+\\.example$/\n",
		"ads1.example x.ads.example track.me my-metrics.example tele7.example", "example bads.example a.track.me x.tele7.example teles.example"),
	Entry("an exception of AdBlock also in a hosts file", "0.0.0.0 ads.example\n0.0.0.0 other.example\n@@||ads.example^\n", "other.example", "ads.example"),
	Entry("dnsmasq: the longest name decides", "address=/ads.example/\naddress=/b.example/c.example/0.0.0.0\nserver=/ok.ads.example/#\nlocal=/l.example/\nserver=/s.example/\naddress=/d.example/#\nserver=/up.ads.example/192.168.1.1\naddress=/no.up.ads.example/::\n",
		"ads.example x.ads.example b.example x.c.example l.example s.example d.example no.up.ads.example", "ok.ads.example x.ok.ads.example up.ads.example"),
	Entry("RPZ", "$TTL 300\n@ IN SOA localhost. root.localhost. (\n 1 ; serial\n 6h 1h 1w 2h )\n  IN NS localhost.\nads.example CNAME .\n*.ads.example 60 IN CNAME .\nonly.example CNAME *.\nok.ads.example CNAME rpz-passthru.\nnull.example A 0.0.0.0\n             AAAA ::\n",
		"ads.example x.ads.example only.example null.example", "ok.ads.example x.only.example"),
	Entry("RPZ with its own name", "$ORIGIN rpz.home.\n@ SOA a. b. 1 2 3 4 5\nads.example.rpz.home. CNAME .\nb.example CNAME rpz-drop.\n", "ads.example b.example", "ads.example.rpz.home rpz.home"),
	Entry("Unbound", "server:\n  local-zone: \"ads.example\" always_nxdomain\nlocal-zone: \"ok.ads.example\" transparent\nlocal-zone: b.example. always_null\nlocal-data: \"c.example A 0.0.0.0\"\n",
		"ads.example x.ads.example b.example c.example", "ok.ads.example x.ok.ads.example x.c.example"),
)

var _ = DescribeTable("a list leaves out, and counts, what never blocks a name",
	func(line string) {
		list := parse("||ads.example^\n" + line + "\n")
		Expect(list.Ignored).To(Equal(1))
		Expect(list.First).To(Equal(2))
		Expect(list.Entries).To(Equal(1))
		Expect(list.Blocks("site.example")).To(BeFalse())
	},
	Entry("the look of a page", "site.example##.banner"),
	Entry("the look of every page", "##.banner"),
	Entry("an exception to the look of a page", "site.example#@#.banner"),
	Entry("a web address", "||site.example/ads/"),
	Entry("a rule for scripts", "||site.example^$script,third-party"),
	Entry("a rule on some sites", "||site.example^$domain=other.example"),
	Entry("an address", "192.0.2.1"),
	Entry("an address in AdBlock", "||192.0.2.1^"),
	Entry("a host at home", "192.168.1.5 site.example"),
	Entry("a host at home in dnsmasq", "address=/site.example/192.168.1.5"),
)

var _ = DescribeTable("a line that cannot be read is an error with its place",
	func(line, place, message string) {
		_, err := blocklist.Parse("list.txt", strings.NewReader("ads.example\n"+line+"\n"))
		Expect(err).To(MatchError(HavePrefix("list.txt:2:" + place + ": ")))
		Expect(err).To(MatchError(ContainSubstring(message)))
		var e *blocklist.Error
		Expect(errors.As(err, &e)).To(BeTrue())
		Expect(e.Line).To(Equal(2))
	},
	Entry("a word that is not a name", "no_such!name", "1", "is not a host name"),
	Entry("an empty label", "a..example", "1", "is not a host name"),
	Entry("a long label", strings.Repeat("a", 64)+".example", "1", "is not a host name"),
	Entry("two words", "ads.example example.org", "1", "0.0.0.0 ads.example.com"),
	Entry("a bad name in hosts", "0.0.0.0 good.example b@d.example", "22", "is not a host name"),
	Entry("a modifier", "||ads.example^$denyallow=x.example", "16", "$denyallow is not supported"),
	Entry("an expression", "/ads(?=x)/", "1", "this expression is not supported"),
	Entry("every name", "||*^", "1", "is about every name"),
	Entry("dnsmasq without an end", "address=/ads.example", "9", "a slash is missing"),
	Entry("dnsmasq with a bad address", "address=/ads.example/x", "22", "is not an address"),
	Entry("a type of Unbound", `local-zone: "ads.example" sometimes`, "27", "sometimes"),
	Entry("an option of Unbound", `local-data-ptr: "192.0.2.1 x.example"`, "1", "local-zone:"),
	Entry("an address of RPZ", "32.1.2.0.192.rpz-ip CNAME .", "1", "rpz-ip is not supported"),
	Entry("another file of RPZ", "$INCLUDE other.zone", "1", "$INCLUDE is not supported"),
	Entry("a long line", strings.Repeat("a", 5000), "1", "longer than"),
	Entry("bytes", "\xff\xfe", "1", "not text"),
)

var _ = Describe("a list", func() {
	It("applies rules for other clients to nobody else", func() {
		text := "||a.example^$client=192.168.1.50\n||b.example^$client=192.168.1.9|tv\n||c.example^$client=192.168.1.0/24\n||d.example^$client=~192.168.1.50\nplain.example\n"
		list := parse(text, "192.168.1.50", "TV")
		for _, name := range words("a.example b.example c.example plain.example") {
			Expect(list.Blocks(name)).To(BeTrue(), name)
		}
		Expect(list.Blocks("d.example")).To(BeFalse())
		Expect(list.Ignored).To(Equal(1))
		Expect(parse(text).Blocks("d.example")).To(BeTrue(), "nothing is known of the device")
	})

	It("names ten errors at most, and counts the others", func() {
		_, err := blocklist.Parse("list.txt", strings.NewReader(strings.Repeat("b@d!\n", 25)))
		Expect(strings.Count(err.Error(), "\n")).To(Equal(10))
		Expect(err).To(MatchError(HaveSuffix("15 more lines cannot be read")))
	})

	It("without an entry is an error", func() {
		_, err := blocklist.Parse("list.txt", strings.NewReader("# nothing\n"))
		Expect(err).To(MatchError("the blocklist list.txt has no entry"))
	})

	It("has limits", func() {
		for text, message := range map[string]string{
			"a.x\nb.x\nc.x\nd.x\n":        "more than 3 entries",
			strings.Repeat("\n", 1<<20+1): "larger than 1 MB",
			strings.Repeat("/x/\n", 3):    "more than 2 expressions",
		} {
			_, err := blocklist.ParseWithin(1<<20, 3, 2, text)
			Expect(err).To(MatchError(ContainSubstring(message)))
		}
		_, err := blocklist.ParseWithin(1<<20, 3, 2, "a.x\nb.x\n/x/\n")
		Expect(err).NotTo(HaveOccurred())
	})

	It("covers a domain only if it surely blocks all names below it", func() {
		list := parse("||ads.example^\n||some.example^\n@@||ok.some.example^\nplain.example\n||x*.wild.example^\n")
		Expect(list.BlocksBelow("ads.example")).To(BeTrue())
		Expect(list.BlocksBelow("deep.ads.example")).To(BeTrue())
		for _, domain := range words("some.example plain.example wild.example example") {
			Expect(list.BlocksBelow(domain)).To(BeFalse(), domain)
		}
		Expect(parse("||ads.example^\n@@||*ok*^\n").BlocksBelow("ads.example")).To(BeFalse(), "an exception may be anywhere")
	})

	It("finds the names of a contact, its CNAMEs included", func() {
		list := parse("||ads.example^\nedge.example\n")
		listed := func(name string, aliases ...string) []string {
			return list.Listed(harness.Contact{Destination: harness.Destination{Protocol: "tcp", Port: 443, Name: name}, Aliases: aliases})
		}
		Expect(listed("x.ads.example")).To(HaveExactElements("x.ads.example"))
		Expect(listed("app.example", "edge.example", "other.example")).To(HaveExactElements("edge.example"))
		Expect(listed("*.ads.example")).To(HaveExactElements("*.ads.example"))
		Expect(listed("app.example")).To(BeEmpty())
		Expect(listed("*.example")).To(BeEmpty())
		Expect(listed("192.0.2.1")).To(BeEmpty())
	})
})

var _ = Describe("the list of a run", func() {
	It("is opened again unless it has changed", func() {
		path := filepath.Join(GinkgoT().TempDir(), "list.txt")
		Expect(os.WriteFile(path, []byte("ads.example\n"), 0o600)).To(Succeed())
		list, err := blocklist.Read(path)
		Expect(err).NotTo(HaveOccurred())
		only := list.Settings("192.168.1.50")
		Expect(blocklist.Open(only)).To(HaveField("Entries", 1))
		Expect(blocklist.Open(nil)).To(BeNil())
		Expect(os.WriteFile(path, []byte("ads.example\nb.example\n"), 0o600)).To(Succeed())
		_, err = blocklist.Open(only)
		Expect(err).To(MatchError(ContainSubstring("has changed since the run began: put the earlier one back")))
	})

	It("must be a file", func() {
		_, err := blocklist.Read(GinkgoT().TempDir())
		Expect(err).To(MatchError(ContainSubstring("is not a file")))
		_, err = blocklist.Read("/no/such/list")
		Expect(err).To(MatchError(ContainSubstring("cannot be read")))
	})
})
