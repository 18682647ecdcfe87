package geoip_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/geoip"
	"github.com/needwant/needwant/reports"
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "geoip", Label("norace"))
}

// written is a database in which one network has a record.
func written(kind, network string, record mmdbtype.Map) string {
	GinkgoHelper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true})
	Expect(err).NotTo(HaveOccurred())
	_, all, err := net.ParseCIDR(network)
	Expect(err).NotTo(HaveOccurred())
	Expect(tree.Insert(all, record)).To(Succeed())
	path := filepath.Join(GinkgoT().TempDir(), kind+".mmdb")
	file, err := os.Create(path)
	Expect(err).NotTo(HaveOccurred())
	_, err = tree.WriteTo(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(file.Close()).To(Succeed())
	return path
}

var _ = Describe("databases of addresses", func() {
	countries := func() string {
		return written("GeoLite2-Country", "203.0.113.0/24", mmdbtype.Map{"country": mmdbtype.Map{
			"iso_code": mmdbtype.String("DE"), "names": mmdbtype.Map{"en": mmdbtype.String("Germany"), "fr": mmdbtype.String("Allemagne")},
		}})
	}
	networks := func() string {
		return written("GeoLite2-ASN", "203.0.113.0/24", mmdbtype.Map{
			"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example Ltd"),
		})
	}

	It("say where an address is, and nothing of an address that none of them has", func() {
		databases, err := geoip.Open(countries(), networks())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(databases.Close)
		Expect(databases.Place(netip.MustParseAddr("203.0.113.7"))).To(Equal(reports.Place{Country: "DE", CountryName: "Germany", Network: "AS64500 Example Ltd"}))
		Expect(databases.Place(netip.MustParseAddr("198.51.100.7"))).To(BeZero())
		Expect(databases.Place(netip.MustParseAddr("2001:db8::7"))).To(BeZero())
	})

	It("are not other files, which are named", func() {
		path := filepath.Join(GinkgoT().TempDir(), "GeoLite2.mmdb")
		_, err := geoip.Open(countries(), path)
		Expect(err).To(MatchError(ContainSubstring(path)))
		Expect(os.WriteFile(path, []byte("country,code\n"), 0o600)).To(Succeed())
		_, err = geoip.Open(path)
		Expect(err).To(MatchError(And(ContainSubstring(path), ContainSubstring("expected a .mmdb file"))))
	})

	It("that are damaged are an error or tell less, and never end the program", func() {
		whole, err := os.ReadFile(countries())
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(GinkgoT().TempDir(), "damaged.mmdb")
		for i := range whole {
			text := append([]byte(nil), whole...)
			text[i] ^= 0xff
			Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
			databases, err := geoip.Open(path)
			if err != nil {
				continue
			}
			_, _ = databases.Place(netip.MustParseAddr("203.0.113.7"))
			Expect(databases.Close()).To(Succeed())
		}
	})
})
