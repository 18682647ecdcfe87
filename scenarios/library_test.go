package scenarios_test

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("the library", func() {
	It("has a spec for what people have at home, each with a line about it", func() {
		names := []string{}
		for _, entry := range scenarios.Library() {
			names = append(names, entry.Name)
			Expect(entry.File.About).To(HaveSuffix("."), entry.Name)
			Expect(scenarios.Find(entry.Name)).To(HaveField("About", entry.File.About))
			Expect(entry.File.Folder()).To(Equal("."), "its programs run where the user stands")
			for _, spec := range entry.File.Scenarios {
				Expect(spec.Title).NotTo(BeEmpty(), entry.Name)
			}
		}
		Expect(names).To(ConsistOf("roborock-s50", "roborock-s5max", "yeelight-bulb", "miio", "home-assistant",
			"mqtt-device", "http-device", "android-app", "lab-s50"))
	})

	It("suggests a name", func() {
		_, err := scenarios.Find("roborok-s50")
		Expect(err).To(MatchError(ContainSubstring(`did you mean "roborock-s50"?`)))
	})

	It("gives way to a file", func() {
		path := filepath.Join(GinkgoT().TempDir(), "mine")
		Expect(os.WriteFile(path, []byte(labHead+"    steps: [{wait: 1s}]\n"), 0o600)).To(Succeed())
		Expect(scenarios.Find(path)).To(HaveField("Scenarios", HaveExactElements(HaveField("Name", "one"))))
	})
})
