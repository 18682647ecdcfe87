package names_test

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

func TestAResolverThatStopsAnsweringIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		var silence names.Silence
		began := time.Now()
		dead := silence.Ask("dead.example")
		time.Sleep(3 * time.Second) //nolint:forbidigo // in the time of a bubble
		dead(false)
		expect.Expect(silence.Since(began)).To(BeEmpty(), "it never answered for that")

		silence.Ask("cloud.example")(true)
		expect.Expect(silence.Since(began)).To(BeEmpty())
		late := silence.Ask("cloud.example")
		time.Sleep(2 * time.Second) //nolint:forbidigo // the same
		expect.Expect(silence.Since(began)).To(Equal("cloud.example"), "it waits")
		late(true)
		expect.Expect(silence.Since(began)).To(Equal("cloud.example"), "it waited")
		expect.Expect(silence.Since(time.Now())).To(BeEmpty())

		time.Sleep(time.Second) //nolint:forbidigo // the same
		began = time.Now()
		time.Sleep(time.Millisecond) //nolint:forbidigo // the same
		silence.Ask("cloud.example")(false)
		expect.Expect(silence.Since(began)).To(Equal("cloud.example"), "it was refused")
	})
}
