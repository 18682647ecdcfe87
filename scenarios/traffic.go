package scenarios

import (
	"context"
	"net/netip"
	"time"

	"github.com/needwant/needwant/scenarios/hass"
)

// Watch is what a gateway sees of a controller and the device from some moment on.
type Watch struct {
	// Sees reports whether packets between the two cross the gateway. If not, the
	// gateway can prove neither that they talked nor that they did not.
	Sees bool

	// Since returns what was seen since the watch began.
	Since func(ctx context.Context) (Traffic, error)
}

// Traffic is what a controller and the device exchanged.
type Traffic struct {
	Path     string // how the controller gets the device's state: "lan", "cloud" or "unknown"
	Asked    uint64 // packets from the controller to the device
	Answered uint64 // packets from the device to the controller
	Open     bool   // a datagram of the controller has not been answered yet
}

// unknown is the path of which nothing was seen.
const unknown = "unknown"

// Polling is how the integration of a Home Assistant polls the device. A hass step
// may say otherwise.
type Polling struct {
	Every time.Duration // by itself, from the beginning of one poll to that of the next
	Hangs time.Duration // the longest that one poll takes; a silent device is unavailable after that
	Apart time.Duration // the least time between two polls that it is asked for
}

// UsualPolling is Home Assistant's: its integrations poll every 30 s or more
// often, most give up after 10 s, and [hass.Cooldown] applies to requests.
func UsualPolling() Polling {
	return Polling{Every: 30 * time.Second, Hangs: 10 * time.Second, Apart: hass.Cooldown}
}

// certain is how long after a request for a poll the state must be that of a
// poll that began later, whether or not the request itself had any effect.
func (p Polling) certain() time.Duration { return p.Every + p.Hangs + p.glance() }

// glance is how long to wait between two looks.
func (p Polling) glance() time.Duration {
	return min(max(p.Every/80, 5*time.Millisecond), 250*time.Millisecond)
}

// watch begins to watch a controller, which has these addresses. Without a
// gateway nothing is seen.
func (e *Engine) watch(ctx context.Context, controller []netip.Addr) (Watch, error) {
	if e.Path == nil {
		nothing := func(context.Context) (Traffic, error) { return Traffic{Path: unknown}, nil }
		return Watch{Since: nothing}, nil
	}
	return e.Path(ctx, controller)
}
