package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// kernelPatience is how long the kernel may take to hand a link back when the
// namespace that had it is gone. It takes tens of milliseconds.
const kernelPatience = 3 * time.Second

// work is the handing back of one link.
type work struct {
	link    Link
	host    *netns.Namespace
	dry     bool
	index   int  // of the link now
	off     bool // its radio is switched off
	changes []string
	left    []string // of the changes, what was not done
}

// handBack puts the link as it was: where it was, then its mode, its parameters, its
// state, its addresses, and its routes, which need what comes before. It tells the
// changes, and among them those that cannot be made, as with a radio that is
// switched off.
func (l Link) handBack(host, gateway *netns.Namespace, dry bool) (changes, left []string, err error) {
	w := &work{link: l, host: host, dry: dry}
	if err := w.fetch(gateway); err != nil {
		return w.changes, nil, err
	}
	if w.index == 0 { // dry, and elsewhere
		return w.changes, nil, nil
	}
	err = host.Do(func() error {
		for _, step := range []func() error{w.mode, w.parameters, w.state, w.addresses, w.routes} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return w.changes, w.left, fmt.Errorf("putting link %s back as it was: %w", l.Name, err)
	}
	return w.changes, w.left, nil
}

// leave tells of something that cannot be done.
func (w *work) leave(text string) {
	w.changes, w.left = append(w.changes, text), append(w.left, text)
}

// change does one thing, unless it is only to be told.
func (w *work) change(text string, do func() error) error {
	w.changes = append(w.changes, text)
	if w.dry {
		return nil
	}
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// fetch finds the link, and gets it from the gateway's namespace where it is
// there.
func (w *work) fetch(gateway *netns.Namespace) error {
	if gateway != nil {
		found, err := w.link.find(gateway)
		if err != nil {
			return err
		}
		if found != nil {
			if err := w.change("move "+w.link.Name+" back", func() error {
				return w.taken(w.link.move(found, gateway, w.host))
			}); err != nil || w.dry {
				return err
			}
		}
	}
	found, err := w.await()
	if err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("link %s is gone, and the kernel does not hand it back: plug it in again, or restart the machine", w.link.Name)
	}
	w.index = found.Attrs().Index
	if name := found.Attrs().Name; name != w.link.Name {
		return w.change("rename "+name+" to "+w.link.Name, func() error {
			return w.taken(w.host.Netlink().LinkSetName(found, w.link.Name))
		})
	}
	return nil
}

// taken says what to do where another link has the name.
func (w *work) taken(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: another link has taken the name %s: give that one another ('ip link set %s name NAME', while it is down), or remove it", err, w.link.Name, w.link.Name)
	}
	return err
}

// move brings the link from one namespace to another, by its radio where it has
// one.
func (l Link) move(found netlink.Link, from, to *netns.Namespace) error {
	if l.Radio == nil {
		return from.Netlink().LinkSetNsFd(found, to.FD())
	}
	return l.Radio.Move(from, to)
}

// await waits for the link. One of Wi-Fi that does not come may have been plugged
// in again, with another hardware address: programs make these up.
func (w *work) await() (found netlink.Link, err error) {
	for deadline := time.Now().Add(kernelPatience); time.Now().Before(deadline); {
		if found, err = w.link.find(w.host); found != nil {
			return found, nil
		}
		<-time.After(20 * time.Millisecond)
	}
	if err != nil || w.link.Radio == nil {
		return nil, err
	}
	found, err = w.host.Netlink().LinkByName(w.link.Name)
	if netns.Absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = radio.Of(w.host, found.Attrs().Index)
	if errors.Is(err, radio.ErrNone) { // a wired one that has the name now
		return nil, nil
	}
	return found, err
}

// parameters writes those that differ. One that the kernel no longer has, or
// does not let anybody write, was not changed by us.
func (w *work) parameters() error {
	return w.set("/proc/sys/net/", w.link.Parameters)
}

func (w *work) set(folder string, parameters map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[key]
		now, err := os.ReadFile(folder + key)
		if unset(err) || err == nil && strings.TrimSpace(string(now)) == value {
			continue
		}
		if err != nil {
			return err
		}
		err = w.change("set "+strings.ReplaceAll(key, "/", ".")+" to "+value, func() error {
			return os.WriteFile(folder+key, []byte(value), 0)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// mode makes a link of Wi-Fi again what it was used as. That can only be done
// while it is down, as a link is that was moved.
func (w *work) mode() error {
	if w.link.Radio == nil {
		return nil
	}
	now, err := radio.Of(w.host, w.index)
	if err != nil || now.Mode == w.link.Radio.Mode {
		return err
	}
	return w.change("make "+w.link.Name+" what it was used as", func() error {
		found, err := w.host.Netlink().LinkByIndex(w.index)
		if err != nil {
			return err
		}
		return errors.Join(w.host.Netlink().LinkSetDown(found), w.link.Radio.Restore(w.host, w.index))
	})
}

// state sets the link up or down. One whose radio is switched off cannot be up.
func (w *work) state() error {
	found, err := w.host.Netlink().LinkByIndex(w.index)
	if err != nil {
		return err
	}
	up := found.Attrs().RawFlags&unix.IFF_UP != 0
	switch {
	case w.link.Up && !up:
		err := w.change("set "+w.link.Name+" up", func() error { return w.host.Netlink().LinkSetUp(found) })
		if !errors.Is(err, unix.ERFKILL) {
			return err
		}
		w.off, w.changes = true, w.changes[:len(w.changes)-1]
		w.leave(w.link.Name + " stays down: its radio is switched off ('rfkill list'): switch it on, then set the link up ('ip link set " + w.link.Name + " up')")
	case !w.link.Up && up:
		return w.change("set "+w.link.Name+" down", func() error { return w.host.Netlink().LinkSetDown(found) })
	}
	return nil
}

// addresses adds those that are missing. The kernel puts a new IPv6 address
// before the others of its scope, so these go in from the last to the first.
func (w *work) addresses() error {
	now, err := addressesOf(w.index)
	if err != nil {
		return err
	}
	missing := lacking(w.link.Addresses, now)
	var v4, v6 []message
	for _, m := range missing {
		if nl.DeserializeIfAddrmsg(m.Data).Family == unix.AF_INET6 {
			v6 = append(v6, m)
		} else {
			v4 = append(v4, m)
		}
	}
	slices.Reverse(v6)
	for _, m := range append(v4, v6...) {
		data := slices.Clone(m.Data)
		nl.DeserializeIfAddrmsg(data).Index = uint32(w.index)
		if err := w.change("give "+w.link.Name+" the address "+m.Text, func() error { return add(unix.RTM_NEWADDR, data) }); err != nil {
			return err
		}
	}
	return nil
}

// routes adds those that are missing, which a link that is down cannot have: first those that lead straight out, which
// the others need to reach their routers.
func (w *work) routes() error {
	now, err := routesOf(w.index)
	if err != nil {
		return err
	}
	missing := lacking(w.link.Routes, now)
	slices.SortStableFunc(missing, func(a, b message) int {
		return int(nl.DeserializeRtMsg(b.Data).Scope) - int(nl.DeserializeRtMsg(a.Data).Scope)
	})
	for _, m := range missing {
		if w.off {
			w.leave("the " + m.Text + " is left out: " + w.link.Name + " is down")
			continue
		}
		data := w.route(m)
		if err := w.change("add the "+m.Text, func() error { return add(unix.RTM_NEWROUTE, data) }); err != nil {
			return err
		}
	}
	return nil
}

// route is a route's message as the kernel takes it: out of the link as it is
// numbered now, without the flags that say how it was going.
func (w *work) route(m message) []byte {
	data := slices.Clone(m.Data)
	header := nl.DeserializeRtMsg(data)
	header.Flags &= unix.RTNH_F_ONLINK | unix.RTNH_F_PERVASIVE
	attributes, err := nl.ParseRouteAttr(data[header.Len():])
	if err != nil {
		return data
	}
	for _, a := range attributes {
		if a.Attr.Type == unix.RTA_OIF {
			nl.NativeEndian().PutUint32(a.Value, uint32(w.index))
		}
	}
	return data
}

// lacking lists the messages whose text is not among those of now.
func lacking(before, now []message) []message {
	return slices.DeleteFunc(slices.Clone(before), func(m message) bool {
		return slices.ContainsFunc(now, func(n message) bool { return n.Text == m.Text })
	})
}

func add(kind int, data []byte) error {
	request := nl.NewNetlinkRequest(kind, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	request.AddRawData(data)
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
