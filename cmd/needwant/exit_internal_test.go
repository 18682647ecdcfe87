package main

import (
	"context"
	"errors"

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

	It("is more than an interruption where the network could not be put back", func() {
		left := &placement.LeftError{Err: errors.New("link wlan0 is gone")}
		var ends *exitError
		Expect(errors.As(unfit(errors.Join(context.Canceled, left)), &ends)).To(BeTrue())
		Expect(ends.code).To(Equal(codeUnfit))
		Expect(ends).To(MatchError("interrupted: putting the network back: link wlan0 is gone: run needwant restore"))
		Expect(errors.As(unfit(context.Canceled), &ends)).To(BeTrue())
		Expect(ends.code).To(Equal(codeInterrupted))
	})
})
