package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("the runs of a directory on a page", func() {
	var (
		directory string
		runs      *collection
		server    *page.Server
	)
	begin := func(name, device string) *runfile.File {
		GinkgoHelper()
		file, err := runfile.Create(filepath.Join(directory, name), harness.Run{
			ID: name, Started: time.Now(), Device: harness.Device{Name: device}, Settings: harness.Settings{Order: "exact"},
			Scenarios: []harness.ScenarioInfo{{Name: "app", Title: "Required for app?"}},
		})
		Expect(err).NotTo(HaveOccurred())
		return file
	}
	ended := func(name, device string) {
		GinkgoHelper()
		file := begin(name, device)
		Expect(file.Finish(harness.Complete, "", time.Minute)).To(Succeed())
		Expect(file.Close()).To(Succeed())
	}
	aged := func(name string, by time.Duration) {
		GinkgoHelper()
		path, at := filepath.Join(directory, name), time.Now().Add(-by)
		Expect(os.Chtimes(path, at, at)).To(Succeed())
	}
	get := func(path string) (int, string) {
		recorder := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Host = "127.0.0.1"
		server.Handler().ServeHTTP(recorder, r)
		return recorder.Code, recorder.Body.String()
	}
	look := func(ctx context.Context) bool {
		GinkgoHelper()
		changed, err := runs.look(ctx)
		Expect(err).NotTo(HaveOccurred())
		runs.show()
		return changed
	}
	BeforeEach(func(ctx SpecContext) {
		directory = GinkgoT().TempDir()
		var err error
		server, err = page.Listen(page.Options{})
		Expect(err).NotTo(HaveOccurred())
		ended, end := context.WithCancel(context.Background())
		end()
		DeferCleanup(func() { _ = server.Serve(ended) }) // gives the address back
		runs = &collection{find: func() ([]string, error) { return runsIn(directory) }, list: server.Board}
		server.Below(func(name string) *page.Board { return runs.open(context.Background(), name) })
	})

	It("are listed, the newest first, each with a page of its own", func(ctx SpecContext) {
		ended("old.run", "lamp")
		aged("old.run", time.Hour)
		file := begin("new.run", "<b>vacuum</b>")
		DeferCleanup(file.Close)
		Expect(os.WriteFile(filepath.Join(directory, "bad.run"), []byte("no run"), 0o600)).To(Succeed())
		aged("bad.run", 2*time.Hour)
		Expect(os.WriteFile(filepath.Join(directory, "lamp.yaml"), nil, 0o600)).To(Succeed())
		Expect(os.Symlink("old.run", filepath.Join(directory, "link.run"))).To(Succeed())
		Expect(look(ctx)).To(BeTrue())
		Expect(look(ctx)).To(BeFalse())

		status, list := get("/")
		Expect(status).To(Equal(http.StatusOK))
		Expect(list).To(MatchRegexp(`(?s)run/new\.run/.*vacuum.*run/old\.run/.*lamp.*bad\.run.*is not a run file`))
		Expect(list).NotTo(Or(ContainSubstring("<b>"), ContainSubstring("link.run"), ContainSubstring("lamp.yaml")))
		for path, want := range map[string]int{
			"/run/old.run/": http.StatusOK, "/run/old.run/style.css": http.StatusOK, "/run/new.run/": http.StatusOK,
			"/run/bad.run/": http.StatusNotFound, "/run/none.run/": http.StatusNotFound, "/run/link.run/": http.StatusNotFound,
			"/run/..%2fold.run/": http.StatusNotFound, "/run/%2fetc%2fpasswd/": http.StatusNotFound,
		} {
			status, _ := get(path)
			Expect(status).To(Equal(want), path)
		}
		_, one := get("/run/old.run/")
		Expect(one).To(And(ContainSubstring(`<a href="../../">All runs</a>`), ContainSubstring("lamp")))
	})

	It("are followed while they grow, and are gone when their files are", func(ctx SpecContext) {
		file := begin("now.run", "lamp")
		look(ctx)
		_, list := get("/")
		Expect(list).To(ContainSubstring("pulse"), "it is under way")
		_, one := get("/run/now.run/")
		Expect(one).To(ContainSubstring("An experiment that runs now"))

		Expect(file.Append(harness.Result{Trial: harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady}, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Recovered: true})).To(Succeed())
		Expect(file.Finish(harness.Complete, "", time.Minute)).To(Succeed())
		Expect(file.Close()).To(Succeed())
		aged("now.run", time.Minute)
		Expect(look(ctx)).To(BeTrue())
		_, list = get("/")
		Expect(list).NotTo(ContainSubstring("pulse"))
		_, one = get("/run/now.run/")
		Expect(one).To(ContainSubstring("1 control in"))

		Expect(os.Remove(filepath.Join(directory, "now.run"))).To(Succeed())
		Expect(look(ctx)).To(BeTrue())
		_, list = get("/")
		Expect(list).To(ContainSubstring("There is no run here yet"))
		status, _ := get("/run/now.run/")
		Expect(status).To(Equal(http.StatusNotFound))
	})

	It("keep their one writer while this program carries them out", func(ctx SpecContext) {
		file := begin("own.run", "lamp")
		DeferCleanup(file.Close)
		runs.written = func(string) bool { return true }
		look(ctx)
		_, list := get("/")
		Expect(list).To(ContainSubstring("pulse"), "it is under way")
		said, err := exec.CommandContext(ctx, "sqlite3", filepath.Join(directory, "own.run"), "BEGIN IMMEDIATE").CombinedOutput()
		Expect(err).To(HaveOccurred())
		Expect(string(said)).To(ContainSubstring("locked"))
	})

	It("have a limited number of open pages", func(ctx SpecContext) {
		for i := range mostOpened + 2 {
			ended(fmt.Sprintf("%d.run", i), "lamp")
		}
		look(ctx)
		for range 2 {
			for i := range mostOpened + 2 {
				status, _ := get(fmt.Sprintf("/run/%d.run/", i))
				Expect(status).To(Equal(http.StatusOK))
			}
		}
		Expect(runs.opened).To(HaveLen(mostOpened))
	})
})
