package catalog_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
)

// canaries are what must never leave the house.
var canaries = map[string]string{
	"token":        "5f1d3a9bc27e4806a1b2c3d4e5f60718",
	"MAC":          "7c:49:eb:12:34:56",
	"SSID":         "Birdcage-5GHz",
	"BSSID":        "f0:9f:c2:ab:cd:ef",
	"LAN address":  "192.168.77.13",
	"LAN address6": "fd12:3456:789a::13",
	"position":     "-36.848461, 174.763336",
	"latitude":     "-36.848461",
	"longitude":    "174.763336",
	"serial":       "SN2049518830",
	"owner":        "Wren's lamp",
}

// spec and answer are where a run file has such things: in the settings that it
// was made with, and in what steps saw.
var (
	spec = `
kind: Scenarios
device: {name: "` + canaries["owner"] + `", mac: "` + canaries["MAC"] + `", address: ` + canaries["LAN address"] + `}
secrets: {token: ` + canaries["token"] + `}
`
	answer = `{"result":{"ap":{"ssid":"` + canaries["SSID"] + `","bssid":"` + canaries["BSSID"] + `"},"mac":"` + canaries["MAC"] + `",` +
		`"netif":{"localIp":"` + canaries["LAN address"] + `"},"lat":` + canaries["latitude"] + `,"lon":` + canaries["longitude"] + `,"sn":"` + canaries["serial"] + `"}}`
)

var _ = Describe("evidence", func() {
	for what, canary := range canaries {
		for how, writing := range writings(canary) {
			It("has no "+what+", "+how+", wherever the run has it", func() {
				run, m := tell(writing)
				e, err := catalog.New(run, m, "nz")
				Expect(err).NotTo(HaveOccurred())
				path, err := e.Write(GinkgoT().TempDir())
				Expect(err).NotTo(HaveOccurred())
				text, err := os.ReadFile(path)
				Expect(err).NotTo(HaveOccurred())
				Expect(spellings(path+string(text), canary)).To(BeEmpty(), string(text))
				Expect(string(text)).To(ContainSubstring("tcp/443/cloud.lamp.example"), "what is public is there")
			})
		}
	}

	It("leaves out what lies within the home", func() {
		run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Required)
		for _, id := range []string{"udp/53/192.168.1.1", "tcp/80/fd00::5", "tcp/8123/hass.local", "tcp/445/nas", "udp/123/100.64.0.1", "udp/5353/224.0.0.251"} {
			m.Rows = append(m.Rows, contacted(id, "192.168.1.1", harness.Optional))
		}
		m.Rows[0].Destination.Addresses = append(m.Rows[0].Destination.Addresses, "10.0.0.7")
		e, err := catalog.New(run, m, "nz")
		Expect(err).NotTo(HaveOccurred())
		Expect(e.Left).To(Equal(6))
		Expect(e.Destinations).To(HaveLen(3))
		Expect(e.Destinations[0].Addresses).To(Equal([]string{"203.0.113.1"}))
	})

	It("joins names that differ in what is hidden, and keeps the graver verdict", func() {
		run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Optional)
		m.Rows = append(m.Rows,
			contacted("tcp/8883/id-7c49eb123456.mqtt.example", "203.0.113.8", harness.Optional),
			contacted("tcp/8883/id-7c49eb123457.mqtt.example", "203.0.113.9", harness.Required))
		e, err := catalog.New(run, m, "nz")
		Expect(err).NotTo(HaveOccurred())
		joined := e.Destinations[len(e.Destinations)-1]
		Expect(joined.ID).To(Equal(destination("tcp/8883/*.mqtt.example")))
		Expect(joined.Addresses).To(Equal([]string{"203.0.113.8", "203.0.113.9"}))
		Expect(joined.Verdicts).To(HaveKeyWithValue("native_app", harness.Required))
	})

	It("is not taken from a run that failed", func() {
		run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Undecided)
		m.Run.Status = harness.Failed
		_, err := catalog.New(run, m, "nz")
		Expect(err).To(MatchError(ContainSubstring("failed before it proved anything")))
	})

	It("is not taken from a run that decided nothing", func() {
		run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Undecided)
		m.Rows = nil
		_, err := catalog.New(run, m, "nz")
		Expect(err).To(MatchError(ContainSubstring("no cell is decided")))
	})

	It("of the lab says so", func() {
		run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Optional)
		m.Run.Simulated = true
		e, err := catalog.New(run, m, "nz")
		Expect(err).NotTo(HaveOccurred())
		Expect(e.Simulated).To(BeTrue())
	})
})

// tell puts a text wherever a run, and what is made of it, has room for one.
func tell(text string) (harness.Run, reports.Matrix) {
	run, m := lamp("RUNAAAAAAAAAAAAAAAAAAAAAAA", "1.0", harness.Required)
	run.Settings.Source, run.Settings.Text, run.Why = text, spec+"\n# "+text, text
	run.Scenarios = []harness.ScenarioInfo{{Name: "native_app", Title: text, Checks: text, Vantage: text}}
	run.Device.Name = text
	address, _ := netip.ParseAddr(text)
	run.Results = []harness.Result{{
		Outcomes: map[string]harness.Outcome{"native_app": {Why: text, Steps: []harness.StepOutcome{{Step: text, Saw: answer + text}}}},
		Seen:     harness.Observation{Contacts: []harness.Contact{{Addresses: []netip.Addr{address}, Collateral: []string{text}}}, Broken: text},
		Suspect:  text,
	}}
	m.Device.Name, m.Run.Why, m.Run.Kept = text, text, []string{text}
	m.Columns[1].Title, m.Columns[0].Checks, m.Columns[0].Vantage = text, text, text
	m.Columns[1].ID, m.Columns[1].Scenario = text, text
	bare := contacted("tcp/80/public.example", "203.0.113.7", harness.Optional)
	bare.Destination.ID.Name, bare.Destination.Host = strings.ToLower(text), ""
	named := contacted("tcp/80/public.example", "203.0.113.7", harness.Optional)
	named.Destination.Host = strings.ToLower(text) + ".telemetry.example"
	named.Destination.ID.Name = named.Destination.Host
	m.Rows = append(m.Rows, bare, named)
	for i := range m.Rows {
		row := &m.Rows[i]
		row.Cells[text] = reports.Cell{Verdict: harness.Optional, Why: text}
		delete(row.Cells, "party")
		row.Destination.Collateral = []string{text}
		row.Destination.Addresses = append(row.Destination.Addresses, text)
	}
	m.Unknown = []reports.Unknown{{Column: text, Why: text, Destinations: []harness.Destination{{Name: text}}}}
	m.Safe = []reports.Safe{{Columns: []string{text}, Destinations: []harness.Destination{{Name: text}}}}
	m.Cuts = append(m.Cuts, reports.Cut{ID: text, Column: "native_app", Destinations: []harness.Destination{bare.Destination.ID, named.Destination.ID}})
	return run, m
}

// writings are the ways in which a canary may be disguised.
func writings(canary string) map[string]string {
	bare := strings.NewReplacer(":", "", "-", "").Replace(canary)
	all := map[string]string{
		"as it is":           canary,
		"without separators": bare,
		"in hexadecimal":     hex.EncodeToString([]byte(canary)),
		"in base64":          base64.StdEncoding.EncodeToString([]byte(canary)),
		"in base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(canary)),
	}
	if address, err := netip.ParseAddr(canary); err == nil {
		delete(all, "without separators") // colons are digits of an address
		all["as bytes in base64"] = base64.StdEncoding.EncodeToString(address.AsSlice())
	} else if bytes, err := hex.DecodeString(bare); err == nil {
		all["as bytes"] = string(bytes)
		all["as bytes in base64"] = base64.StdEncoding.EncodeToString(bytes)
	}
	return all
}

// spellings lists the disguises in which a text has a canary.
func spellings(text, canary string) (found []string) {
	for how, writing := range writings(canary) {
		if strings.Contains(strings.ToLower(text), strings.ToLower(writing)) {
			found = append(found, how)
		}
	}
	return found
}
