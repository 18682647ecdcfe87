package scenarios_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("an http step", func() {
	ask := func(ctx context.Context, do scenarios.HTTP, expect string) harness.Outcome {
		GinkgoHelper()
		return check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &do, Expect: expect}))
	}

	DescribeTable("judges what came back:", func(ctx SpecContext, status int, text, expect string, answer harness.Answer) {
		outcome := ask(ctx, scenarios.HTTP{URL: serve(status, text)}, expect)
		Expect(outcome.Answer).To(Equal(answer), outcome.Why)
	},
		Entry("success", 204, "", "", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("no success", 504, "the device did not answer", "", harness.Fail, SpecTimeout(20*time.Second)),
		Entry("text", 200, "ok", `text == "ok" && json == nil`, harness.Pass, SpecTimeout(20*time.Second)),
		Entry("a number with text behind", 200, "1: one", `json == nil && text == "1: one"`, harness.Pass, SpecTimeout(20*time.Second)),
		Entry("JSON", 200, `{"code":0,"items":[1]}`, "json.code == 0 && len(json.items) == 1", harness.Pass, SpecTimeout(20*time.Second)),
		Entry("other JSON", 200, `{"code":5}`, "json.code == 0", harness.Fail, SpecTimeout(20*time.Second)),
	)

	It("gives a command from the phone through the cloud", func(ctx SpecContext) {
		obeyed := make(chan string, 1)
		cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			obeyed <- r.Method + " " + r.URL.Path
			_, _ = w.Write([]byte("ok\n"))
		}))
		DeferCleanup(cloud.Close)
		outcome := check(ctx, new(scenarios.Engine), scenarios.Remote(cloud.URL+"/command"))
		Expect(outcome.Steps).To(HaveExactElements(And(
			HaveField("Step", HavePrefix("http POST 127.0.0.1:")), HaveField("Saw", "200 ok"), HaveField("Answer", harness.Pass))))
		Expect(obeyed).To(Receive(Equal("POST /command")))
	}, SpecTimeout(20*time.Second))

	It("fails when nobody answers", func(ctx SpecContext) {
		outcome := ask(ctx, scenarios.HTTP{URL: nobody()}, "")
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(ContainSubstring("connection refused"))
	}, SpecTimeout(20*time.Second))

	It("keeps secrets out of its outcome", func(ctx SpecContext) {
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(r.Header.Get("Authorization") + " " + r.URL.RawQuery + ` {"password":"x"}`))
		}))
		DeferCleanup(echo.Close)
		do := scenarios.HTTP{URL: echo.URL + "/?key=query-secret", Headers: map[string]string{"Authorization": secret("AUTHORIZATION", "Bearer header-secret")}}
		outcome := ask(ctx, do, "status == 500")
		Expect(outcome.Answer).To(Equal(harness.Fail))
		expectClean(outcome, "header-secret", "query-secret")

		do.URL = secret("CLOUD_URL", strings.Replace(nobody(), "http://", "http://me:password-secret@", 1)+"?key=query%20secret")
		outcome = ask(ctx, do, "")
		Expect(outcome.Answer).To(Equal(harness.Fail))
		expectClean(outcome, "password-secret", "query%20secret", "query secret")

		do.URL = serve(200, `{"password":"body-secret","seen":true}`)
		outcome = ask(ctx, do, "")
		Expect(outcome.Steps[0].Saw).To(Equal(`200 {"password":"(redacted)","seen":true}`))
	}, SpecTimeout(20*time.Second))

	It("shortens what it saw to one line", func(ctx SpecContext) {
		outcome := ask(ctx, scenarios.HTTP{URL: serve(200, strings.Repeat("line\n", 1000))}, "")
		Expect(outcome.Steps[0].Saw).To(HavePrefix("200 line line"))
		Expect([]rune(outcome.Steps[0].Saw)).To(HaveLen(400))
	}, SpecTimeout(20*time.Second))
})

// secret puts a text into the environment and says where.
func secret(name, text string) string {
	GinkgoHelper()
	GinkgoT().Setenv(name, text)
	return "env:" + name
}
