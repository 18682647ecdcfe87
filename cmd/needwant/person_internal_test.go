package main

import (
	"context"
	"io"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

var _ = Describe("a person at the terminal", func() {
	type answer struct {
		text string
		err  error
	}
	var typing *io.PipeWriter
	var shown *gbytes.Buffer
	var sitting *person

	BeforeEach(func() {
		var in *io.PipeReader
		in, typing = io.Pipe()
		shown = gbytes.NewBuffer()
		sitting = newPerson(in, shown)
		DeferCleanup(func() { typing.Close() })
	})

	ask := func(ctx context.Context, question string, answers ...string) <-chan answer {
		replies := make(chan answer, 1)
		go func() {
			text, err := sitting.ask(ctx, scenarios.Question{Text: question, Answers: answers})
			replies <- answer{text, err}
		}()
		return replies
	}
	write := func(text string) {
		GinkgoHelper()
		_, err := io.WriteString(typing, text)
		Expect(err).NotTo(HaveOccurred())
	}

	It("answers at the terminal or on the page, whichever is first", func(ctx SpecContext) {
		onPage := make(chan string)
		sitting.page = func(ctx context.Context, _ scenarios.Question) (string, error) {
			select {
			case answer := <-onPage:
				return answer, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		first := ask(ctx, "Is it on?", "yes", "no")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`question 1: Is it on\? `))
		onPage <- "yes"
		Eventually(first).WithContext(ctx).Should(Receive(Equal(answer{"yes", nil})))
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`answered on the page`))

		second := ask(ctx, "And now?", "yes", "no")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`question 2: And now\? `))
		write("no\n")
		Eventually(second).WithContext(ctx).Should(Receive(Equal(answer{"no", nil})))

		Expect(typing.Close()).To(Succeed()) // the terminal is gone, and the page is still there
		third := ask(ctx, "Still?", "yes", "no")
		onPage <- "no"
		Eventually(third).WithContext(ctx).Should(Receive(Equal(answer{"no", nil})))
	}, SpecTimeout(20*time.Second))

	It("is not believed to answer a question that came later", func(ctx SpecContext) {
		brief, cancel := context.WithCancel(ctx)
		first := ask(brief, "Is it on?")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`Is it on\? `))
		cancel()
		Eventually(first).WithContext(ctx).Should(Receive(Equal(answer{"", context.Canceled})))
		write("yes\nyes, sorry\n")
		Eventually(func() int { return len(sitting.lines) }).WithContext(ctx).Should(Equal(2))

		second := ask(ctx, "Does the app show the map?")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`map\? `))
		Consistently(second, 50*time.Millisecond).ShouldNot(Receive())
		write("no\n")
		Eventually(second).WithContext(ctx).Should(Receive(Equal(answer{"no", nil})))
	}, SpecTimeout(10*time.Second))

	It("is asked one question after another", func(ctx SpecContext) {
		first := ask(ctx, "first?")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`first\? `))
		second := ask(ctx, "second?")
		Consistently(shown, 50*time.Millisecond).ShouldNot(gbytes.Say("second"))
		write("one\n")
		Eventually(first).WithContext(ctx).Should(Receive(Equal(answer{"one", nil})))
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`second\? `))
		write("two\n")
		Eventually(second).WithContext(ctx).Should(Receive(Equal(answer{"two", nil})))
	}, SpecTimeout(10*time.Second))

	It("is asked again until the answer is one, and the bell rings once", func(ctx SpecContext) {
		sitting.bell = true
		reply := ask(ctx, "Does it play?", "yes", "no", "unsure", "skip")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`^\aquestion 1: Does it play\? \[yes/no/unsure/skip/stop\] $`))
		write("maybe\n")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`^"maybe" is not an answer: type yes, no, unsure, skip or stop $`))
		Expect(reply).NotTo(Receive())
		write("N\n")
		Eventually(reply).WithContext(ctx).Should(Receive(Equal(answer{"no", nil})))
	}, SpecTimeout(10*time.Second))

	It("ends the command by stop", func(ctx SpecContext) {
		running, cancel := context.WithCancel(ctx)
		sitting.stop = cancel
		reply := ask(running, "Does it play?", "yes", "no")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`stop\] `))
		write("stop\n")
		Eventually(reply).WithContext(ctx).Should(Receive(Equal(answer{"", context.Canceled})))
	}, SpecTimeout(10*time.Second))

	It("sees which question it is, of about how many", func() {
		ended := func(left int) harness.Event {
			return harness.Event{Kind: harness.Ended, Progress: harness.Progress{Left: left}}
		}
		Expect(sitting.next()).To(Equal("question 1: "))
		sitting.expect(harness.Event{Kind: harness.Began})
		sitting.expect(ended(11))
		Expect(sitting.next()).To(Equal("question 2 of about 12: "))
		Expect(sitting.next()).To(Equal("question 3 of about 12: "))
		sitting.expect(harness.Event{Kind: harness.Ended, Result: &harness.Result{Trial: harness.Trial{Unasked: []string{"app"}}}})
		sitting.expect(ended(4))
		Expect(sitting.next()).To(Equal("question 4 of about 9: "), "three in two trials, and six in the four to come")
		sitting.expect(ended(0))
		Expect(sitting.next()).To(Equal("question 5 of about 5: "), "it never counts beyond the whole")
		(*person)(nil).expect(ended(1))
	})

	It("has gone when the input ends", func(ctx SpecContext) {
		first := ask(ctx, "first?")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`first\? `))
		Expect(typing.Close()).To(Succeed())
		Eventually(first).WithContext(ctx).Should(Receive(Equal(answer{"", io.EOF})))
		Eventually(ask(ctx, "second?")).WithContext(ctx).Should(Receive(Equal(answer{"", io.EOF})))
	}, SpecTimeout(10*time.Second))
})
