package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// Link is a link as it was before it was borrowed. Addresses and routes are the
// kernel's own messages, so that they come back with all that they had, as by
// ip route save and restore.
type Link struct {
	Name       string            `json:"name"`
	Index      int               `json:"index"`
	MAC        string            `json:"mac"`
	Up         bool              `json:"up"`
	Radio      *radio.Radio      `json:"radio,omitempty"` // behind it; nil where it is a wired one
	Addresses  []message         `json:"addresses,omitempty"`
	Routes     []message         `json:"routes,omitempty"`
	Parameters map[string]string `json:"parameters"` // of /proc/sys/net, by path below it
}

// message is one that the kernel sent, without its header.
type message struct {
	Text string `json:"text"` // for people
	Data []byte `json:"data"`
}

// Note describes a link of a namespace.
func Note(namespace *netns.Namespace, name string) (Link, error) {
	found, err := namespace.Netlink().LinkByName(name)
	if err != nil {
		return Link{}, fmt.Errorf("link %s: %w", name, err)
	}
	attributes := found.Attrs()
	link := Link{
		Name: attributes.Name, Index: attributes.Index, MAC: attributes.HardwareAddr.String(),
		Up: attributes.RawFlags&unix.IFF_UP != 0,
	}
	switch behind, err := radio.Of(namespace, link.Index); {
	case err == nil:
		link.Radio = &behind
	case !errors.Is(err, radio.ErrNone):
		return Link{}, fmt.Errorf("link %s: %w", name, err)
	}
	err = namespace.Do(func() (err error) {
		if link.Addresses, err = addressesOf(link.Index); err != nil {
			return err
		}
		if link.Routes, err = routesOf(link.Index); err != nil {
			return err
		}
		link.Parameters, err = parametersOf(link.Name)
		return err
	})
	if err != nil {
		return Link{}, fmt.Errorf("writing down how link %s is: %w", name, err)
	}
	return link, nil
}

// String says in words how the link is.
func (l Link) String() string {
	words := []string{"down"}
	if l.Up {
		words[0] = "up"
	}
	for _, m := range append(append([]message{}, l.Addresses...), l.Routes...) {
		words = append(words, m.Text)
	}
	return strings.Join(words, ", ")
}

// dump asks the kernel for all messages of a kind.
func dump(request, reply int) ([][]byte, error) {
	ask := nl.NewNetlinkRequest(request, unix.NLM_F_DUMP)
	ask.AddData(nl.NewRtGenMsg()) // of every family
	return ask.Execute(unix.NETLINK_ROUTE, uint16(reply))
}

// addressesOf lists those that the kernel does not make by itself. It runs in
// the namespace.
func addressesOf(index int) (own []message, err error) {
	all, err := dump(unix.RTM_GETADDR, unix.RTM_NEWADDR)
	if err != nil {
		return nil, err
	}
	for _, data := range all {
		header := nl.DeserializeIfAddrmsg(data)
		if int(header.Index) != index {
			continue
		}
		attributes, err := nl.ParseRouteAttr(data[header.Len():])
		if err != nil {
			return nil, err
		}
		if byKernel(attributes) {
			continue
		}
		own = append(own, message{Text: addressText(header, attributes), Data: data})
	}
	return own, nil
}

const (
	protocolOfAddress = 11 // IFA_PROTO of linux/if_addr.h
	fromRouter        = 2  // IFAPROT_KERNEL_RA
	linkLocal         = 3  // IFAPROT_KERNEL_LL
)

// byKernel reports whether the kernel gives the address again when the link is up.
func byKernel(attributes []syscall.NetlinkRouteAttr) bool {
	for _, a := range attributes {
		if a.Attr.Type == protocolOfAddress && len(a.Value) == 1 {
			return a.Value[0] == fromRouter || a.Value[0] == linkLocal
		}
	}
	return false
}

func addressText(header *nl.IfAddrmsg, attributes []syscall.NetlinkRouteAttr) string {
	found := map[uint16]netip.Addr{}
	for _, a := range attributes {
		if address, ok := netip.AddrFromSlice(a.Value); ok {
			found[a.Attr.Type] = address
		}
	}
	address, ok := found[unix.IFA_LOCAL]
	if !ok {
		address = found[unix.IFA_ADDRESS]
	}
	return fmt.Sprintf("%s/%d", address, header.Prefixlen)
}

// routesOf lists those that do not come with the addresses. It runs in the
// namespace.
func routesOf(index int) (own []message, err error) {
	all, err := dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE)
	if err != nil {
		return nil, err
	}
	for _, data := range all {
		header := nl.DeserializeRtMsg(data)
		attributes, err := nl.ParseRouteAttr(data[header.Len():])
		if err != nil {
			return nil, err
		}
		made := header.Protocol == unix.RTPROT_KERNEL || header.Protocol == unix.RTPROT_RA || header.Protocol == unix.RTPROT_REDIRECT
		if made || header.Flags&unix.RTM_F_CLONED != 0 || outOf(attributes) != index {
			continue
		}
		own = append(own, message{Text: routeText(header, attributes), Data: data})
	}
	return own, nil
}

func outOf(attributes []syscall.NetlinkRouteAttr) int {
	for _, a := range attributes {
		if a.Attr.Type == unix.RTA_OIF {
			return int(nl.NativeEndian().Uint32(a.Value))
		}
	}
	return 0
}

// routeText tells one route of a link from another.
func routeText(header *nl.RtMsg, attributes []syscall.NetlinkRouteAttr) string {
	text, via, numbers := "route to everywhere", "", ""
	for _, a := range attributes {
		address, ok := netip.AddrFromSlice(a.Value)
		switch {
		case ok && a.Attr.Type == unix.RTA_DST:
			text = fmt.Sprintf("route to %s/%d", address, header.Dst_len)
		case ok && a.Attr.Type == unix.RTA_GATEWAY:
			via = fmt.Sprintf(" via %s", address)
		case a.Attr.Type == unix.RTA_TABLE:
			numbers += fmt.Sprintf(" table %d", nl.NativeEndian().Uint32(a.Value))
		case a.Attr.Type == unix.RTA_PRIORITY:
			numbers += fmt.Sprintf(" metric %d", nl.NativeEndian().Uint32(a.Value))
		}
	}
	return text + via + numbers
}

// parametersOf reads a link's own parameters. It runs in the namespace.
func parametersOf(name string) (map[string]string, error) {
	values := map[string]string{}
	for _, folder := range []string{"ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"} {
		paths, _ := filepath.Glob(filepath.Join("/proc/sys/net", folder, name, "*")) // the pattern is well formed
		for _, path := range paths {
			value, err := os.ReadFile(path)
			switch {
			case err == nil:
				values[strings.TrimPrefix(path, "/proc/sys/net/")] = strings.TrimSpace(string(value))
			case !unset(err):
				return nil, err
			}
		}
	}
	return values, nil
}

// unset reports whether an error says that a parameter cannot be read because it
// is not there, is not for us, or has no value yet. It cannot be changed either.
func unset(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL)
}

// find is the link where it is now; nil if it is not there. Another link may have
// taken its name while it was away.
func (l Link) find(namespace *netns.Namespace) (best netlink.Link, err error) {
	links, err := namespace.Netlink().LinkList()
	if err != nil {
		return nil, fmt.Errorf("looking for link %s: %w", l.Name, err)
	}
	most := 0
	for _, found := range links {
		alike, err := l.likeness(namespace, found.Attrs())
		if err != nil {
			return nil, fmt.Errorf("looking for link %s: %w", l.Name, err)
		}
		if alike > most {
			best, most = found, alike
		}
	}
	return best, nil
}

// likeness says how surely another link is this one; 0 is not at all. The number
// of the radio is the surest, which a radio that was plugged in again has not. Then
// it is the hardware address, with the name, or with one that the kernel had to
// give.
func (l Link) likeness(namespace *netns.Namespace, other *netlink.LinkAttrs) (int, error) {
	named, same := other.Name == l.Name, other.HardwareAddr.String() == l.MAC
	renamed := l.MAC != "" && other.ParentIndex == 0 && other.Name == fmt.Sprintf("dev%d", other.Index)
	behind, err := l.sameRadio(namespace, other.Index)
	switch {
	case err != nil:
		return 0, err
	case behind && named:
		return 4, nil
	case behind && same:
		return 3, nil
	case behind:
		return 2, nil
	case same && (named || renamed):
		return 1, nil
	}
	return 0, nil
}

// sameRadio reports whether a link is one of the radio that this one is of: the
// kernel gives links of Wi-Fi names that are like all others.
func (l Link) sameRadio(namespace *netns.Namespace, index int) (bool, error) {
	if l.Radio == nil {
		return false, nil
	}
	found, err := radio.Of(namespace, index)
	if errors.Is(err, radio.ErrNone) {
		return false, nil
	}
	return err == nil && found.Number == l.Radio.Number, err
}
