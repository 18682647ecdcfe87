package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// panicking is the program with a panic in it, after the third trial.
func panicking() string {
	GinkgoHelper()
	source, err := filepath.Abs("progress.go")
	Expect(err).NotTo(HaveOccurred())
	const place = "where string) {\n"
	return altered(source, place, place+"\tif result.Trial.Number == 3 {\n\t\tpanic(\"as the spec wants\")\n\t}\n")
}

// jumping is the program on a machine whose clock goes a year ahead, a year back,
// and right again, all the time. What counts on, as the kernel does, is not
// touched: a machine whose clock is set is like that.
func jumping() string {
	GinkgoHelper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	Expect(err).NotTo(HaveOccurred())
	const place = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	return altered(filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go"), place,
		place+"\tsec += [3]int64{0, 365 * 86400, -365 * 86400}[mono/700_000_000%3]\n")
}

// altered builds the program with one source file changed in one place.
func altered(source, old, now string) string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	text, err := os.ReadFile(source)
	Expect(err).NotTo(HaveOccurred())
	Expect(strings.Count(string(text), old)).To(Equal(1), source)
	changed := filepath.Join(folder, filepath.Base(source))
	Expect(os.WriteFile(changed, []byte(strings.Replace(string(text), old, now, 1)), 0o600)).To(Succeed())
	overlay := filepath.Join(folder, "overlay.json")
	Expect(os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, source, changed), 0o600)).To(Succeed())
	built, err := build("-overlay", overlay)
	Expect(err).NotTo(HaveOccurred())
	return built
}
