package main

import (
	"context"
	"io"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
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

	ask := func(ctx context.Context, question string) <-chan answer {
		answers := make(chan answer, 1)
		go func() {
			text, err := sitting.ask(ctx, question)
			answers <- answer{text, err}
		}()
		return answers
	}
	write := func(text string) {
		GinkgoHelper()
		_, err := io.WriteString(typing, text)
		Expect(err).NotTo(HaveOccurred())
	}

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

	It("has gone when the input ends", func(ctx SpecContext) {
		first := ask(ctx, "first?")
		Eventually(shown).WithContext(ctx).Should(gbytes.Say(`first\? `))
		Expect(typing.Close()).To(Succeed())
		Eventually(first).WithContext(ctx).Should(Receive(Equal(answer{"", io.EOF})))
		Eventually(ask(ctx, "second?")).WithContext(ctx).Should(Receive(Equal(answer{"", io.EOF})))
	}, SpecTimeout(10*time.Second))
})
