package page_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/scenarios"
)

// posting is a form that a browser sends from the page.
func posting(path string, form url.Values, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = "192.168.1.5:8080", "192.168.1.7:40000"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://192.168.1.5:8080")
	for _, f := range change {
		f(r)
	}
	return r
}

// textOf is the page that a request gets.
func textOf(server *page.Server, change ...func(*http.Request)) string {
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, request("GET", "/", change...))
	return recorder.Body.String()
}

var _ = Describe("a question on a page", func() {
	prompt := scenarios.Question{Text: "Does the app show the <map>?", Answers: []string{"yes", "no", "unsure", "skip"}}
	type reply struct {
		text string
		err  error
	}
	ask := func(ctx context.Context, server *page.Server, question scenarios.Question) <-chan reply {
		replies := make(chan reply, 1)
		go func() {
			text, err := server.Ask(ctx, question)
			replies <- reply{text, err}
		}()
		return replies
	}
	idOf := func(server *page.Server) (id string) {
		GinkgoHelper()
		Eventually(func() []string {
			return regexp.MustCompile(`name="question" value="(\w+)"`).FindStringSubmatch(textOf(server))
		}).Should(HaveLen(2))
		return regexp.MustCompile(`name="question" value="(\w+)"`).FindStringSubmatch(textOf(server))[1]
	}

	It("has its picture, for who may answer it and until another question is asked", func(ctx SpecContext) {
		server := listen(page.Options{View: true})
		illustrated := prompt
		illustrated.Picture = &scenarios.Picture{Type: "image/webp", Data: []byte("RIFF")}
		control, view := cookieOf(server, server.Links().Control), cookieOf(server, server.Links().View)
		replies := ask(ctx, server, illustrated)
		var path string
		Eventually(func() string {
			path = regexp.MustCompile(`picture/\w+`).FindString(textOf(server, control))
			return path
		}).ShouldNot(BeEmpty())
		Expect(textOf(server, view)).NotTo(ContainSubstring("picture/"))

		shown := answer(server, request("GET", "/"+path, control))
		Expect(shown.StatusCode).To(Equal(http.StatusOK))
		Expect(shown.Header).To(And(HaveKeyWithValue("Content-Type", []string{"image/webp"}), HaveKeyWithValue("X-Content-Type-Options", []string{"nosniff"})))
		Expect(io.ReadAll(shown.Body)).To(BeEquivalentTo("RIFF"))
		Expect(answer(server, request("GET", "/"+path)).StatusCode).To(Equal(http.StatusUnauthorized))
		Expect(answer(server, request("GET", "/"+path, view)).StatusCode).To(Equal(http.StatusNotFound))
		Expect(answer(server, request("GET", "/picture/other", control)).StatusCode).To(Equal(http.StatusNotFound))

		question := strings.TrimPrefix(path, "picture/")
		Expect(answer(server, posting("/answer", url.Values{"question": {question}, "answer": {"yes"}}, control)).StatusCode).To(Equal(http.StatusSeeOther))
		Eventually(ctx, replies).Should(Receive())
		Expect(answer(server, request("GET", "/"+path, control)).StatusCode).To(Equal(http.StatusOK), "a browser may be late")
		ask(ctx, server, prompt)
		Eventually(func() int { return answer(server, request("GET", "/"+path, control)).StatusCode }).Should(Equal(http.StatusNotFound))
	}, SpecTimeout(20*time.Second))

	It("has a large button for each answer, and says until when it waits", func(ctx SpecContext) {
		server := listen(page.Options{})
		limited, cancel := context.WithTimeout(ctx, time.Hour)
		DeferCleanup(cancel)
		replies := ask(limited, server, prompt)
		id := idOf(server)
		Expect(textOf(server)).To(And(ContainSubstring("Does the app show the &lt;map&gt;?"), ContainSubstring(">Not sure</button>"), ContainSubstring(`<time id="until" datetime="`)))
		done := answer(server, posting("/answer", url.Values{"question": {id}, "answer": {"unsure"}}))
		Expect(done.StatusCode).To(Equal(http.StatusSeeOther))
		Eventually(replies).Should(Receive(Equal(reply{"unsure", nil})))
		Expect(textOf(server)).NotTo(ContainSubstring("Does the app"), "it is over")
	}, SpecTimeout(20*time.Second))

	It("takes no other answers, and none to a question that is over", func(ctx SpecContext) {
		server := listen(page.Options{})
		asking, cancel := context.WithCancel(ctx)
		replies := ask(asking, server, prompt)
		id := idOf(server)
		Expect(answer(server, posting("/answer", url.Values{"question": {id}, "answer": {"perhaps"}}))).To(HaveField("StatusCode", http.StatusBadRequest))
		Expect(answer(server, posting("/answer", url.Values{"question": {"other"}, "answer": {"yes"}}))).To(HaveField("StatusCode", http.StatusConflict))
		cancel()
		Eventually(replies).Should(Receive(Equal(reply{"", context.Canceled})))
		Expect(answer(server, posting("/answer", url.Values{"question": {id}, "answer": {"yes"}}))).To(HaveField("StatusCode", http.StatusConflict))
	}, SpecTimeout(20*time.Second))

	It("takes any words if its answers are not known", func(ctx SpecContext) {
		server := listen(page.Options{})
		replies := ask(ctx, server, scenarios.Question{Text: "Which colour?"})
		id := idOf(server)
		Expect(textOf(server)).To(ContainSubstring(`<input name="answer"`))
		Expect(answer(server, posting("/answer", url.Values{"question": {id}, "answer": {"blue"}}))).To(HaveField("StatusCode", http.StatusSeeOther))
		Eventually(replies).Should(Receive(Equal(reply{"blue", nil})))
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("an order on a page", func() {
	may := func(server *page.Server, orders ...harness.Do) {
		server.Show(page.Content{Report: emptyReport, Live: reports.Live{Now: "Trial 1", Orders: orders}})
	}

	It("is handed on, with the time that everything is allowed until", func() {
		server := listen(page.Options{})
		may(server, harness.Pause, harness.Allow)
		Expect(textOf(server)).To(ContainSubstring(`value="pause"`))
		Expect(answer(server, posting("/order", url.Values{"do": {"pause"}}))).To(HaveField("StatusCode", http.StatusSeeOther))
		Expect(server.Orders()).To(Receive(HaveField("Do", harness.Pause)))
		Expect(answer(server, posting("/order", url.Values{"do": {"allow"}}))).To(HaveField("StatusCode", http.StatusSeeOther))
		var order harness.Order
		Expect(server.Orders()).To(Receive(&order))
		Expect(order.Until.Sub(order.At)).To(Equal(10 * time.Minute))
	})

	It("to keep a destination reachable is handed on if the page has that destination", func() {
		server := listen(page.Options{})
		api := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "api.example"}
		server.Show(page.Content{Report: emptyReport, Live: reports.Live{Blocked: []harness.Destination{api}, Orders: []harness.Do{harness.Keep}}})
		Expect(textOf(server)).To(ContainSubstring(`<button name="destination" value="tcp/443/api.example" aria-label="Keep reachable: api.example`))
		for _, other := range []string{"", "tcp/443/other.example", "<b>"} {
			Expect(answer(server, posting("/order", url.Values{"do": {"keep"}, "destination": {other}}))).To(HaveField("StatusCode", http.StatusConflict), other)
		}
		Expect(answer(server, posting("/order", url.Values{"do": {"keep"}, "destination": {"tcp/443/api.example"}}))).To(HaveField("StatusCode", http.StatusSeeOther))
		Expect(server.Orders()).To(Receive(And(HaveField("Do", harness.Keep), HaveField("Destination", api))))
		Expect(server.Orders()).NotTo(Receive())
	})

	It("is refused if it makes no sense now, or too many wait", func() {
		server := listen(page.Options{})
		may(server, harness.Resume)
		for _, do := range []string{"pause", "dance", ""} {
			Expect(answer(server, posting("/order", url.Values{"do": {do}}))).To(HaveField("StatusCode", http.StatusConflict), do)
		}
		status := 0
		for range 20 {
			status = answer(server, posting("/order", url.Values{"do": {"resume"}})).StatusCode
		}
		Expect(status).To(Equal(http.StatusConflict))
	})

	It("is not for a link that only shows, which has no buttons, either", func(ctx SpecContext) {
		server := listen(everywhere)
		may(server, harness.Pause)
		asking, cancel := context.WithCancel(ctx)
		DeferCleanup(cancel)
		go func() { _, _ = server.Ask(asking, scenarios.Question{Text: "Is it on?"}) }()
		act, look := cookieOf(server, server.Links().Control), cookieOf(server, server.Links().View)
		Eventually(func() string { return textOf(server, act) }).Should(And(ContainSubstring("<button"), ContainSubstring("Is it on?")))
		Expect(textOf(server, look)).NotTo(Or(ContainSubstring("<button"), ContainSubstring("Is it on?")))
		for _, path := range []string{"/order", "/answer"} {
			Expect(answer(server, posting(path, url.Values{"do": {"pause"}}, look))).To(HaveField("StatusCode", http.StatusForbidden), path)
			Expect(answer(server, posting(path, url.Values{"do": {"pause"}}, act, with("Origin", "http://evil.example")))).To(HaveField("StatusCode", http.StatusForbidden), path)
		}
		Expect(server.Orders()).NotTo(Receive())
	}, SpecTimeout(20*time.Second))

	It("is read from a small form alone", func() {
		server := listen(page.Options{})
		may(server, harness.Pause)
		Expect(answer(server, posting("/order", url.Values{"do": {"pause"}, "more": {strings.Repeat("x", 8<<10)}}))).NotTo(HaveField("StatusCode", http.StatusSeeOther))
		Expect(server.Orders()).NotTo(Receive())
	})
})
