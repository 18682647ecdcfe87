package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// blocks is a gateway that notes what was blocked last.
type blocks struct {
	harness.Gateway
	last atomic.Pointer[[]harness.Destination]
}

func (b *blocks) Block(_ context.Context, destinations []harness.Destination, _ harness.Fault) error {
	b.last.Store(&destinations)
	return nil
}

func (b *blocks) now() []harness.Destination { return *b.last.Load() }

func TestAPolicyIsKeptExceptWhileAPersonWantsEverythingReachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		ads := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "ads.example"}}
		gateway, orders, over := &blocks{}, make(chan harness.Order), make(chan struct{})
		gateway.last.Store(&ads)
		var held atomic.Pointer[harness.Order]
		k := &keeper{gateway: gateway, policy: harness.Trial{Block: ads, Fault: harness.Reject}, orders: orders, show: held.Store}
		ended := make(chan error, 1)
		go func() { ended <- k.keep(context.Background(), over) }()
		synctest.Wait()
		expect.Expect(gateway.now()).To(Equal(ads))

		orders <- harness.Order{Do: harness.Allow, Until: time.Now().Add(10 * time.Minute)}
		synctest.Wait()
		expect.Expect(gateway.now()).To(BeEmpty())
		expect.Expect(held.Load()).NotTo(BeNil())
		<-time.After(9 * time.Minute)
		synctest.Wait()
		expect.Expect(gateway.now()).To(BeEmpty())
		<-time.After(2 * time.Minute)
		synctest.Wait()
		expect.Expect(gateway.now()).To(Equal(ads), "it is blocked again by itself")
		expect.Expect(held.Load()).To(BeNil())

		orders <- harness.Order{Do: harness.Pause}
		<-time.After(24 * time.Hour)
		synctest.Wait()
		expect.Expect(gateway.now()).To(BeEmpty())
		orders <- harness.Order{Do: harness.Resume}
		synctest.Wait()
		expect.Expect(gateway.now()).To(Equal(ads))
		close(over)
		expect.Expect(<-ended).To(Succeed())
	})
}
