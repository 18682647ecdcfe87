package names_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

func TestAResolverThatStopsAnsweringIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		var silence names.Silence
		cloud := names.Question{Name: "cloud.example", Kind: dns.TypeA}
		began := time.Now()
		dead := silence.Ask(names.Question{Name: "dead.example", Kind: dns.TypeA})
		time.Sleep(3 * time.Second) //nolint:forbidigo // in the time of a bubble
		dead(false)
		expect.Expect(silence.Since(began)).To(BeEmpty(), "it never answered for that")

		silence.Ask(cloud)(true)
		expect.Expect(silence.Since(began)).To(BeEmpty())
		late := silence.Ask(cloud)
		time.Sleep(2 * time.Second) //nolint:forbidigo // the same
		expect.Expect(silence.Since(began)).To(Equal([]string{"cloud.example"}), "it waits")
		late(true)
		expect.Expect(silence.Since(began)).To(Equal([]string{"cloud.example"}), "it waited")
		expect.Expect(silence.Since(time.Now())).To(BeEmpty())

		time.Sleep(time.Second) //nolint:forbidigo // the same
		began = time.Now()
		time.Sleep(time.Millisecond) //nolint:forbidigo // the same
		silence.Ask(cloud)(false)
		expect.Expect(silence.Since(began)).To(Equal([]string{"cloud.example"}), "it was refused")

		time.Sleep(time.Second) //nolint:forbidigo // the same
		began = time.Now()
		unanswered := silence.Ask(names.Question{Name: "cloud.example", Kind: dns.TypeAAAA})
		time.Sleep(2 * time.Second) //nolint:forbidigo // the same
		unanswered(false)
		expect.Expect(silence.Since(began)).To(BeEmpty(), "it never answered for the other addresses")
	})
}
