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
		late := func(since time.Time) []string { late, _ := silence.Since(since); return late }
		silent := func(since time.Time) []string { _, silent := silence.Since(since); return silent }
		cloud := names.Question{Name: "cloud.example", Kind: dns.TypeA}
		began := time.Now()
		dead := silence.Ask(names.Question{Name: "dead.example", Kind: dns.TypeA})
		time.Sleep(3 * time.Second) //nolint:forbidigo // in the time of a bubble
		dead(false)
		expect.Expect(append(late(began), silent(began)...)).To(BeEmpty(), "it never answered for that")

		silence.Ask(cloud)(true)
		expect.Expect(append(late(began), silent(began)...)).To(BeEmpty())
		slow := silence.Ask(cloud)
		time.Sleep(2 * time.Second) //nolint:forbidigo // the same
		expect.Expect(late(began)).To(Equal([]string{"cloud.example"}), "it waits")
		slow(true)
		expect.Expect(late(began)).To(Equal([]string{"cloud.example"}), "it waited")
		expect.Expect(append(late(time.Now()), silent(time.Now())...)).To(BeEmpty())

		time.Sleep(time.Second) //nolint:forbidigo // the same
		began = time.Now()
		time.Sleep(time.Millisecond) //nolint:forbidigo // the same
		silence.Ask(cloud)(false)
		expect.Expect(silent(began)).To(Equal([]string{"cloud.example"}), "it was refused")

		time.Sleep(time.Second) //nolint:forbidigo // the same
		began = time.Now()
		unanswered := silence.Ask(names.Question{Name: "cloud.example", Kind: dns.TypeAAAA})
		time.Sleep(2 * time.Second) //nolint:forbidigo // the same
		unanswered(false)
		expect.Expect(append(late(began), silent(began)...)).To(BeEmpty(), "it never answered for the other addresses")
	})
}
