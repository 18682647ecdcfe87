package guard_test

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/guard"
)

var _ = Describe("a lock", func() {
	It("is taken by only one of 100 processes that start at once", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		var winners, losers atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := guard.Take(ctx, folder, "device 7c:49:eb:00:00:01", "link eth1")
				var held *guard.HeldError
				switch {
				case err == nil:
					winners.Add(1)
				case errors.As(err, &held):
					losers.Add(1)
				}
			})
		}
		all.Wait()
		Expect([]int32{winners.Load(), losers.Load()}).To(Equal([]int32{1, 99}))
	}, SpecTimeout(20*time.Second))

	It("names who has it", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		lock, err := guard.Take(ctx, folder, "link eth1")
		Expect(err).NotTo(HaveOccurred())
		_, err = guard.Take(ctx, folder, "device a", "link eth1")
		Expect(err).To(Equal(&guard.HeldError{Name: "link eth1", PID: os.Getpid()}))

		Expect(lock.Release()).To(Succeed())
		again, err := guard.Take(ctx, folder, "device a", "link eth1")
		Expect(err).NotTo(HaveOccurred(), "what could not be had whole was not kept in part")
		Expect(again.Release()).To(Succeed())
		Expect(os.ReadDir(folder)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("may be shared by many, or be one program's alone", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		on := func(vlan string) guard.Names {
			return guard.Names{Alone: []string{vlan}, Shared: []string{"link eth1"}}
		}
		one, err := guard.TakeAll(ctx, folder, on("VLAN 50 of eth1"))
		Expect(err).NotTo(HaveOccurred())
		two, err := guard.TakeAll(ctx, folder, on("VLAN 51 of eth1"))
		Expect(err).NotTo(HaveOccurred())
		held := Equal(&guard.HeldError{Name: "link eth1", PID: os.Getpid()})

		_, err = guard.Take(ctx, folder, "link eth1")
		Expect(err).To(held)
		Expect(two.Release()).To(Succeed())
		_, err = guard.Take(ctx, folder, "link eth1")
		Expect(err).To(held, "one is enough")
		Expect(one.Release()).To(Succeed())
		alone, err := guard.Take(ctx, folder, "link eth1")
		Expect(err).NotTo(HaveOccurred())
		_, err = guard.TakeAll(ctx, folder, on("VLAN 50 of eth1"))
		Expect(err).To(held)
		Expect(alone.Release()).To(Succeed())
		Expect(os.ReadDir(folder)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
})
