package scenarios_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

// pixel is the beginning of a PNG file, by which it is known.
const pixel = "\x89PNG\r\n\x1a\nand so on"

var _ = Describe("the picture of a question", func() {
	// bound is a spec whose question has this picture.
	bound := func(picture string, prepare func(folder string)) (asked []scenarios.Question, err error) {
		GinkgoHelper()
		file := good(nicHead + "    steps: [{prompt: {text: 'Does it look like this?', picture: " + picture + "}}]\n")
		prepare(file.Folder())
		site := scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}, "host": {}}}
		site.Ask = func(_ context.Context, question scenarios.Question) (string, error) {
			asked = append(asked, question)
			return "yes", nil
		}
		checks, err := file.Bind(file.Scenarios, site)
		if err != nil {
			return nil, err
		}
		checks[0].Check(context.Background())
		return asked, nil
	}
	write := func(name, content string) func(string) {
		return func(folder string) {
			Expect(os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600)).To(Succeed())
		}
	}

	It("comes from the folder of the spec", func() {
		asked, err := bound("map.png", write("map.png", pixel))
		Expect(err).NotTo(HaveOccurred())
		Expect(asked).To(HaveExactElements(HaveField("Picture", Equal(&scenarios.Picture{Type: "image/png", Data: []byte(pixel)}))))
	})

	It("is not taken from elsewhere by its name", func() {
		for _, path := range []string{"../map.png", "/etc/passwd"} {
			_, err := scenarios.Parse("spec.yaml", []byte(nicHead+"    steps: [{prompt: {text: 'Like this?', picture: "+path+"}}]\n"))
			Expect(err).To(MatchError(ContainSubstring("is not below the spec's folder")))
		}
	})

	DescribeTable("is refused if it is", func(why string, prepare func(string)) {
		_, err := bound("map.png", prepare)
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("missing", "write the name of a file below", func(string) {}),
		Entry("a link to elsewhere", "escapes", func(folder string) { Expect(os.Symlink("/etc/passwd", filepath.Join(folder, "map.png"))).To(Succeed()) }),
		Entry("a pipe", "is not a file", func(folder string) { Expect(syscall.Mkfifo(filepath.Join(folder, "map.png"), 0o600)).To(Succeed()) }),
		Entry("too large", "larger than 2 MB", write("map.png", pixel+string(make([]byte, 2<<20)))),
		Entry("markup", "expected PNG, JPEG or WebP", write("map.png", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")),
	)
})
