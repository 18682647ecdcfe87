package talk_test

import (
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/talk"
)

var _ = Describe("a watch", func() {
	var tracked, listed []talk.Flow
	var broken error
	list := func(want func(talk.Flow) bool) ([]talk.Flow, error) {
		listed = nil
		for _, f := range tracked {
			if want(f) {
				listed = append(listed, f)
			}
		}
		return listed, broken
	}
	BeforeEach(func() { broken = nil })

	outside := flow("192.168.50.10:1", cloud, 9, 9)

	It("counts from its beginning, and lists the internet's connections only until packets came from there", func() {
		tracked = []talk.Flow{outside, flow(poll, device, 5, 5)}
		watch, err := talk.Begin(list, topology("192.168.1.5"))
		Expect(err).NotTo(HaveOccurred())
		Expect(watch.Look()).To(Equal(talk.Exchange{Path: "unknown"}))

		tracked = append(tracked, flow("192.168.50.10:2", cloud, 1, 1))
		Expect(watch.Look()).To(Equal(talk.Exchange{Path: "cloud", Outside: true}))
		Expect(listed).To(HaveLen(3))

		tracked = []talk.Flow{outside, flow(poll, device, 6, 5)} // the connection to the cloud is forgotten
		Expect(watch.Look()).To(Equal(talk.Exchange{Path: "cloud", Outside: true, Asked: 1, Open: true}))
		Expect(listed).To(HaveExactElements(flow(poll, device, 6, 5)))

		tracked = []talk.Flow{outside, flow(poll, device, 6, 6)}
		Expect(watch.Look()).To(Equal(talk.Exchange{Path: "lan", Outside: true, Asked: 1, Answered: 1}))
	})

	It("passes on what stops the listing", func() {
		watch, err := talk.Begin(list, topology("192.168.1.5"))
		Expect(err).NotTo(HaveOccurred())
		broken = errors.New("no such table")
		Expect(watch.Look()).Error().To(MatchError(broken))
		Expect(talk.Begin(list, topology("192.168.1.5"))).Error().To(MatchError(broken))
	})
})
