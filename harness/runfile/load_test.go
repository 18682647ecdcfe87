package runfile_test

import (
	"bufio"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a run file that another process writes", func() {
	It("is told from one that nobody writes", func() {
		path, _ := written(1)
		Expect(runfile.Written(path)).To(BeFalse())
		command := play("append", path)
		output, err := command.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		lines := bufio.NewScanner(output)
		Expect(lines.Scan()).To(BeTrue())
		Eventually(func() (bool, error) { return runfile.Written(path) }).Should(BeTrue())
		Expect(command.Process.Kill()).To(Succeed())
		Expect(command.Wait()).NotTo(Succeed())
		Expect(runfile.Written(path)).To(BeFalse())
	})

	It("has to exist", func() {
		_, err := runfile.Written(GinkgoT().TempDir() + "/none.run")
		Expect(err).To(MatchError(runfile.Missing))
	})
})
