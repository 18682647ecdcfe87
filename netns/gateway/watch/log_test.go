package watch_test

import (
	"context"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/watch"
	"github.com/needwant/needwant/netns/netnstest"
)

const patience = 10 * time.Second

var _ = Describe("the packet log", Label("root"), func() {
	var (
		namespace *netns.Namespace
		mutex     sync.Mutex
		packets   []watch.Packet
		hold      chan struct{}
		log       *watch.Log
		tables    *chains.Tables
	)

	BeforeEach(func(ctx SpecContext) {
		packets, hold = nil, make(chan struct{})
		close(hold)
		var err error
		namespace = netnstest.New()
		log, err = watch.Open(ctx, namespace, func(p watch.Packet) {
			mutex.Lock()
			wait := hold
			mutex.Unlock()
			<-wait
			mutex.Lock()
			defer mutex.Unlock()
			packets = append(packets, p)
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(log.Close)
		tables, err = chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		layout := chains.Layout{Inside: "in0", Uplink: "up0"}
		for _, family := range chains.Families() {
			Expect(tables.Install(family, log.Chains(layout, family))).To(Succeed())
		}
		Expect(tables.Append(chains.IPv4, "mangle", "OUTPUT", chains.Rulef("-p udp --dport 9999 -j %s", watch.At(watch.Outward)))).To(Succeed())
	}, NodeTimeout(20*time.Second))

	send := func(ctx context.Context, count int) {
		GinkgoHelper()
		connection, err := namespace.ListenPacket(ctx, "udp", "127.0.0.1:9999")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		for range count {
			Expect(connection.WriteTo([]byte("x"), connection.LocalAddr())).To(Equal(1))
		}
	}

	It("has noted everything that passed before the fence", func(ctx SpecContext) {
		for sent := 10; sent <= 100; sent += 10 {
			send(ctx, 10)
			Expect(log.Fence(ctx, patience)).To(Succeed())
			mutex.Lock()
			Expect(packets).To(HaveLen(sent))
			mutex.Unlock()
		}
		Expect(log.Lost()).To(BeZero())
	}, SpecTimeout(20*time.Second))

	It("counts what the kernel could not deliver", func(ctx SpecContext) {
		Expect(log.Shrink()).To(Succeed())
		mutex.Lock()
		hold = make(chan struct{}) // the reader stands still, and the kernel's buffer fills up
		mutex.Unlock()
		send(ctx, 5_000)
		close(hold)
		Expect(log.Fence(ctx, patience)).To(Succeed())
		mutex.Lock()
		defer mutex.Unlock()
		Expect(log.Lost()).To(BeNumerically(">", 0))
		Expect(len(packets)+log.Lost()).To(And(BeNumerically(">=", 4_998), BeNumerically("<=", 5_100)), "with the fence's own packets, which were lost, too")
	}, SpecTimeout(30*time.Second))

	It("does not pretend to have caught up when its rules are gone", func(ctx SpecContext) {
		Expect(tables.Delete(chains.IPv4, "mangle", "NEEDWANT-FENCE", chains.Rulef("-j NFLOG --nflog-group 24742 --nflog-prefix needwant-fence --nflog-threshold 1"))).To(Succeed())
		Expect(log.Fence(ctx, 300*time.Millisecond)).To(MatchError(ContainSubstring("does not answer")))
	}, SpecTimeout(20*time.Second))

	It("is waited for as long as there are packets that it has not read", func(ctx SpecContext) {
		mutex.Lock()
		hold = make(chan struct{})
		mutex.Unlock()
		send(ctx, 1000)
		passed := make(chan error)
		go func() { passed <- log.Fence(ctx, 50*time.Millisecond) }()
		Consistently(passed).WithContext(ctx).WithTimeout(400 * time.Millisecond).ShouldNot(Receive())
		close(hold)
		Eventually(passed).WithContext(ctx).WithTimeout(patience).Should(Receive(Not(HaveOccurred())))
	}, SpecTimeout(20*time.Second))

	It("ends with its connection", func(ctx SpecContext) {
		other := netnstest.New()
		second, err := watch.Open(ctx, other, func(watch.Packet) {})
		Expect(err).NotTo(HaveOccurred())
		Expect(second.Close()).To(Succeed())
		Expect(second.Fence(ctx, patience)).NotTo(Succeed())
	}, SpecTimeout(20*time.Second))
})
