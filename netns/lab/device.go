package lab

import (
	"context"
	"crypto/x509"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios/miio"
)

// device is the simulated device: what does not change between one start and
// the next.
type device struct {
	world     World
	namespace *netns.Namespace
	resolver  netip.AddrPort
	trusted   *x509.CertPool
	token     miio.Token
	methods   map[string]method
	seed      uint64
	join      func(ctx context.Context, device *netns.Namespace, link string)
	attempts  tally

	mu     sync.Mutex // held while the device is switched on or off
	starts uint64
	life   *life // nil while the device is off

	watchdog sync.WaitGroup // restarts that are under way
}

// life is a device from one start to the next. All that it learns, opens and
// remembers ends with it.
type life struct {
	*device
	mind   *mind
	names  *names
	clocks clocks
	linked *bell // when its link comes up again
	leased *bell // when it gets a new lease
	robot  *robot
	noise  noise
	born   time.Time
	number uint64 // of the start
	ctx    context.Context
	end    context.CancelFunc
	work   sync.WaitGroup
	bitten sync.Once
}

// switchOn starts the device. It returns when the device listens; what it
// contacts comes afterwards.
func (d *device) switchOn() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.start()
}

func (d *device) start() error {
	d.starts++
	l := &life{device: d, mind: newMind(d.world), robot: newRobot(), linked: newBell(), leased: newBell(), born: time.Now(), number: d.starts}
	l.ctx, l.end = context.WithCancel(context.Background())
	l.names = &names{dial: func(ctx context.Context, network string) (net.Conn, error) {
		return d.dial(ctx, d.resolverID(), network, d.resolver)
	}}
	l.noise = noise{d.world.Noise, l.lottery("noise").Uint64()}
	if err := l.listenLocally(); err != nil {
		l.end()
		return err
	}
	if d.join != nil {
		l.work.Go(func() { d.join(l.ctx, d.namespace, deviceLink) })
	}
	if d.world.acts(func(d Destination) bool { return d.OnLink }) {
		l.work.Go(func() { l.watchLink(l.ctx) })
	}
	if d.world.Device.AsksTime || d.world.acts(func(d Destination) bool { return d.OnLease }) {
		l.work.Go(func() { l.keepLease(l.ctx) })
	}
	for _, id := range d.world.IDs() {
		if d.world.Destinations[id].When.Use() == "" {
			l.work.Go(func() { l.keepContact(l.ctx, id) })
		}
	}
	d.life = l
	return nil
}

// switchOff ends the device's life, as pulling the plug does, and returns when
// nothing of it is left.
func (d *device) switchOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop()
}

func (d *device) stop() {
	if d.life == nil {
		return
	}
	d.life.end()
	d.life.work.Wait()
	d.life = nil
}

// bite is what the watchdog does to a device that hangs: it starts it again, unless
// somebody has done so meanwhile. A device that cannot start stays off.
func (d *device) bite(hung *life) {
	hung.bitten.Do(func() {
		d.watchdog.Go(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.life == hung {
				d.stop()
				_ = d.start()
			}
		})
	})
}

// resolverID is the destination that names are asked of. The gateway's own
// resolver goes by the name "resolver".
func (d *device) resolverID() string {
	if own := d.world.Device.Resolver; own.IsValid() {
		return fmt.Sprintf("udp/53/%s", own)
	}
	return "udp/53/resolver"
}

// lottery is the source of chance for one purpose in one life.
func (l *life) lottery(purpose string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(purpose))
	return rand.New(rand.NewPCG(l.seed^l.number<<32, hash.Sum64()))
}

// stamp is the device's clock: seconds since its start. The offset is there
// because no real device says zero for its first second.
func (l *life) stamp() uint32 { return uint32(time.Since(l.born)/time.Second) + 1000 }

// call reports whether a function works when it is called now. Destinations that
// only the call contacts are contacted; those that the function's expression
// names are waited for.
func (l *life) call(function string) bool {
	var waiting sync.WaitGroup
	var mu sync.Mutex
	called := map[string]bool{}
	for id, named := range l.mind.onCall(function) {
		once := func() {
			contact := l.newContact(id)
			defer contact.close()
			succeeded := l.attempt(l.ctx, id, contact)
			mu.Lock()
			defer mu.Unlock()
			called[id] = succeeded
		}
		if !named {
			l.work.Go(once)
			continue
		}
		waiting.Go(once)
	}
	waiting.Wait()
	mu.Lock()
	defer mu.Unlock()
	return l.mind.works(function, called)
}

// obeys reports whether the device carries out a command from the cloud.
func (l *life) obeys() bool { return !l.noise.spell(time.Since(l.born)) && l.call(Remote) }
