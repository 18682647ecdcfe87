package main

import (
	"context"
	"errors"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/placement"
)

var _ = Describe("an error that ends the program", func() {
	It("is told with what is joined to it, as that the network could not be put back", func() {
		left := errors.New("putting the network back: link wlan0 is gone")
		for _, broken := range []error{exit(codeBroken, errors.New("it does not work")), &exitError{code: codeBroken}} {
			err := errors.Join(broken, left)
			var ends *exitError
			Expect(errors.As(err, &ends)).To(BeTrue())
			Expect(words(err, ends)).To(HaveSuffix("putting the network back: link wlan0 is gone"))
			Expect(words(err, ends)).To(HavePrefix(broken.Error()))
		}
	})

	concluded := func(ctx context.Context, err error) (int, string) {
		GinkgoHelper()
		exit, is := errors.AsType[*exitError](err)
		Expect(is).To(BeTrue())
		return conclude(ctx, err, exit)
	}

	It("is more than an interruption where the network could not be put back", func(ctx SpecContext) {
		over, end := context.WithCancel(ctx)
		end()
		left := &placement.LeftError{Err: errors.New("link wlan0 is gone")}
		code, text := concluded(over, unfit(errors.Join(context.Canceled, left)))
		Expect(code).To(Equal(codeUnfit))
		Expect(text).To(Equal("interrupted: putting the network back: link wlan0 is gone: run sudo needwant restore"))
	})

	It("is an interruption only if the program itself was interrupted", func(ctx SpecContext) {
		over, end := context.WithCancel(ctx)
		end()
		for _, err := range []error{context.Canceled, context.DeadlineExceeded, errors.New("signal: killed")} {
			code, text := concluded(over, unfit(fmt.Errorf("switching the power: %w", err)))
			Expect(code).To(Equal(codeInterrupted))
			Expect(text).To(HavePrefix("interrupted"))
			code, text = concluded(ctx, unfit(fmt.Errorf("switching the power: %w", err)))
			Expect(code).To(Equal(codeUnfit))
			Expect(text).To(Equal("switching the power: " + err.Error()))
		}
		code, _ := concluded(over, exit(codeBroken, errors.New("it does not work with nothing blocked")))
		Expect(code).To(Equal(codeBroken), "the run had ended before")
	})
})
