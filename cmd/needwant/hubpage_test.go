package main_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// hubPage is the address of a hub's page. Its methods do what a browser on the same machine does.
type hubPage struct{ address string }

func (p hubPage) get(path string) string {
	response, err := http.Get(p.address + path)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// post sends a form, and returns the page that follows.
func (p hubPage) post(path string, form url.Values) (status int, text string) {
	GinkgoHelper()
	r, err := http.NewRequest(http.MethodPost, p.address+path, strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", strings.TrimSuffix(p.address, "/"))
	response, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(content)
}

// background starts needwant until the spec ends.
func background(ctx context.Context, folder string, arguments ...string) (*exec.Cmd, *gbytes.Buffer) {
	GinkgoHelper()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.WaitDelay = folder, 10*time.Second
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	said := gbytes.NewBuffer()
	command.Stdout, command.Stderr = said, said
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		if command.ProcessState == nil {
			_ = command.Cancel()
			_ = command.Wait()
		}
	})
	return command, said
}

const askingSpec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: lamp}
gateway: {placement: lab, world: all-optional}
scenarios:
  app: {steps: [{prompt: "Is it on?", timeout: 2m}]}
`

var _ = Describe("the page of a hub", Label("root"), func() {
	BeforeEach(func() { // a page answers 50 requests per second
		SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
		DeferCleanup(SetDefaultEventuallyPollingInterval, 10*time.Millisecond)
	})

	It("answers the questions of an agent's experiment, and pauses, resumes and stops it", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec := filepath.Join(folder, "lamp.yaml")
		Expect(os.WriteFile(spec, []byte(askingSpec), 0o600)).To(Succeed())
		added := needwant(ctx, "hub", "add", "garage", "--dir", filepath.Join(folder, "laboratory"), "--out", filepath.Join(folder, "garage.creds"))
		Expect(added.Code).To(Equal(0), added.Stderr)
		_, said := background(ctx, folder, "hub", "--dir", "laboratory", "--listen", "127.0.0.1:0", "--web")
		Eventually(said).WithContext(ctx).Should(gbytes.Say(`Ctrl-C stops the hub`))
		page := hubPage{regexp.MustCompile(`http://\S+`).FindString(string(said.Contents()))}
		address, err := os.ReadFile(filepath.Join(folder, "laboratory", "address"))
		Expect(err).NotTo(HaveOccurred())
		agent, progress := background(ctx, folder, "agent", spec, "--hub", strings.TrimSpace(string(address)), "--creds", "garage.creds")

		found := func(text, pattern string) string {
			if match := regexp.MustCompile(pattern).FindStringSubmatch(text); match != nil {
				return match[1]
			}
			return ""
		}
		run := ""
		Eventually(func() string {
			list := page.get("")
			run = found(list, `href="(run/garage\.lamp\.[^"]+/)"`)
			return list
		}).WithContext(ctx).Should(ContainSubstring("A question waits for an answer"), "%s", progress.Contents())
		question := func() (id string) {
			GinkgoHelper()
			Eventually(func() string {
				id = found(page.get(run), `name="question" value="(\w+)"`)
				return id
			}).WithContext(ctx).ShouldNot(BeEmpty())
			return id
		}
		results := func() int { return len(loaded(ctx, filepath.Join(folder, "lamp.run")).Results) }
		waits := question()
		Expect(page.get(run)).To(And(ContainSubstring("Is it on?"), ContainSubstring(`value="pause"`)))
		status, text := page.post(run+"answer", url.Values{"question": {waits}, "answer": {"perhaps"}})
		Expect(status).To(Equal(http.StatusBadRequest), text)
		status, text = page.post(run+"answer", url.Values{"question": {"other"}, "answer": {"yes"}})
		Expect(status).To(Equal(http.StatusConflict), text)
		status, text = page.post(run+"answer", url.Values{"question": {waits}, "answer": {"yes"}})
		Expect(status).To(Equal(http.StatusOK), text)
		Eventually(results).WithContext(ctx).Should(Equal(1))

		order := func(do harness.Do) {
			GinkgoHelper()
			Eventually(func() string { return page.get(run) }).WithContext(ctx).Should(ContainSubstring(`value="` + string(do) + `"`))
			status, text := page.post(run+"order", url.Values{"do": {string(do)}})
			Expect(status).To(Equal(http.StatusOK), text)
		}
		Eventually(question).WithContext(ctx).ShouldNot(Equal(waits))
		order(harness.Pause)
		Eventually(func() string { return page.get(run) }).WithContext(ctx).ShouldNot(ContainSubstring("Is it on?"))
		status, text = page.post(run+"order", url.Values{"do": {"skip"}})
		Expect(status).To(Equal(http.StatusConflict), text)
		order(harness.Resume)
		question()
		order(harness.Stop)
		status, _ = page.post(run+"answer", url.Values{"question": {question()}, "answer": {"yes"}})
		Expect(status).To(Equal(http.StatusOK))
		Expect(agent.Wait()).NotTo(Succeed(), "it is not complete")

		ended := loaded(ctx, filepath.Join(folder, "lamp.run"))
		var orders []harness.Do
		for _, order := range ended.Orders {
			orders = append(orders, order.Do)
		}
		Expect(orders).To(Equal([]harness.Do{harness.Pause, harness.Resume, harness.Stop}))
		copied := filepath.Join(folder, "laboratory", "runs", filepath.Base(strings.TrimSuffix(run, "/")))
		Eventually(func() ([]runfile.Record, error) { return runfile.Records(ctx, copied, 0) }).WithContext(ctx).Should(Equal(records(ctx, filepath.Join(folder, "lamp.run"))))
		Eventually(func() string { return page.get(run) }).WithContext(ctx).ShouldNot(ContainSubstring("<button"))
	}, SpecTimeout(3*time.Minute))

	It("shows what is in the queue, and which run is from it", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(folder, "lamp.yaml"), []byte(askingSpec), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "broken.yaml"), []byte(brokenSpec), 0o600)).To(Succeed())
		directory := filepath.Join(folder, "laboratory")
		added := needwant(ctx, "hub", "add", "garage", "--dir", directory, "--out", filepath.Join(folder, "garage.creds"))
		Expect(added.Code).To(Equal(0), added.Stderr)
		_, said := background(ctx, folder, "hub", "--dir", "laboratory", "--listen", "127.0.0.1:0", "--web")
		Eventually(said).WithContext(ctx).Should(gbytes.Say(`Ctrl-C stops the hub`))
		page := hubPage{regexp.MustCompile(`http://\S+`).FindString(string(said.Contents()))}
		list := func() string { return page.get("") }
		address, err := os.ReadFile(filepath.Join(directory, "address"))
		Expect(err).NotTo(HaveOccurred())
		_, progress := background(ctx, folder, "agent", "lamp.yaml", "broken.yaml", "--queue", "--hub", strings.TrimSpace(string(address)), "--creds", "garage.creds")
		Eventually(list).WithContext(ctx).Should(And(ContainSubstring("lamp"), ContainSubstring("The run has not begun")), "%s", progress.Contents())

		Expect(needwant(ctx, "hub", "queue", "add", "garage/lamp", "--at", "2099-12-24 18:00", "--dir", directory).Code).To(Equal(0))
		Eventually(list).WithContext(ctx).Should(ContainSubstring("In the queue: waits until 2099-12-24 18:00."))
		Expect(needwant(ctx, "hub", "queue", "remove", "garage", "--dir", directory).Code).To(Equal(0))
		Expect(needwant(ctx, "hub", "queue", "add", "garage", "--dir", directory).Code).To(Equal(0))
		Eventually(list).WithContext(ctx).Should(And(
			ContainSubstring("agent garage, placement lab, from the queue"), ContainSubstring("A question waits for an answer"),
			ContainSubstring("Queued, and not tested"), ContainSubstring("no interface absent0"), Not(ContainSubstring("In the queue"))))
	}, SpecTimeout(time.Minute))

	It("has nobody answer if there is none", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec := filepath.Join(folder, "lamp.yaml")
		Expect(os.WriteFile(spec, []byte(askingSpec), 0o600)).To(Succeed())
		added := needwant(ctx, "hub", "add", "garage", "--dir", filepath.Join(folder, "laboratory"), "--out", filepath.Join(folder, "garage.creds"))
		Expect(added.Code).To(Equal(0), added.Stderr)
		_, said := background(ctx, folder, "hub", "--dir", "laboratory", "--listen", "127.0.0.1:0")
		Eventually(said).WithContext(ctx).Should(gbytes.Say(`Ctrl-C stops the hub`))
		address, err := os.ReadFile(filepath.Join(folder, "laboratory", "address"))
		Expect(err).NotTo(HaveOccurred())
		_, progress := background(ctx, folder, "agent", spec, "--hub", strings.TrimSpace(string(address)), "--creds", "garage.creds")
		Eventually(progress).WithContext(ctx).Should(gbytes.Say("start the hub with --web"))
	}, SpecTimeout(time.Minute))
})

// records are those of a run file.
func records(ctx context.Context, path string) []runfile.Record {
	GinkgoHelper()
	all, err := runfile.Records(ctx, path, 0)
	Expect(err).NotTo(HaveOccurred())
	return all
}

// loaded is what a run file has.
func loaded(ctx context.Context, path string) harness.Run {
	GinkgoHelper()
	run, err := runfile.Load(ctx, path)
	Expect(err).NotTo(HaveOccurred())
	return run
}
