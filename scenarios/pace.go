package scenarios

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// pace keeps checks from asking a host on the internet too often: vendors ban
// addresses that do. Hosts at home are asked as often as a spec says. The zero
// pace holds nobody back.
type pace struct {
	apart time.Duration

	mutex sync.Mutex
	next  map[string]time.Time // by host: the earliest moment of the next attempt
}

// wait takes the next turn at a host, and reports whether it came before ctx ended.
func (p *pace) wait(ctx context.Context, host string) bool {
	if p == nil || p.apart == 0 || atHome(host) {
		return true
	}
	return pauseUntil(ctx, p.turn(host, time.Now()))
}

func (p *pace) turn(host string, now time.Time) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.next == nil {
		p.next = map[string]time.Time{}
	}
	turn := now
	if next := p.next[host]; next.After(now) {
		turn = next
	}
	p.next[host] = turn.Add(p.apart)
	return turn
}

// homeNames are the ends of names that lead nowhere but home: RFC 6762, RFC 8375,
// ICANN's reservation of .internal, and what home routers use.
var homeNames = []string{".local", ".home.arpa", ".internal", ".lan", ".home", ".box", ".localdomain"}

// atHome reports whether a host is in the home network, or none at all.
func atHome(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return !address.IsGlobalUnicast() || address.IsPrivate()
	}
	for _, end := range homeNames {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}

// UsualPace is what a vendor's server takes for a person, and no attack.
const UsualPace = 10 * time.Second

// asked is the host that an action asks; "" where it asks none.
func asked(action Action) string {
	if caller, calls := action.(caller); calls {
		return caller.host()
	}
	return ""
}

// caller is an action that asks a host.
type caller interface{ host() string }

func (h *HTTP) host() string { return hostOf(h.URL) }
func (h *Hass) host() string { return hostOf(h.URL) }
func (t *TCP) host() string  { return bare(t.Address) }
func (d *DNS) host() string  { return bare(d.Server) }
func (n *NTP) host() string  { return bare(n.Server) }
func (m *MQTT) host() string { return bare(m.Broker) }
func (p *Ping) host() string { return bare(p.Host) }

// hostOf is the host of a URL. One that is a secret might be anywhere: all such
// are taken for one host on the internet.
func hostOf(text string) string {
	if pointsElsewhere(text) {
		return "a.secret"
	}
	where, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(where.Hostname())
}

// bare is a host without its port.
func bare(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	return strings.ToLower(strings.Trim(text, "[]"))
}
