package placement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
)

// Config says where a gateway shall stand.
type Config struct {
	Kind    Kind
	Machine *netns.Namespace // where the links are
	Inside  string           // link to the device, for all but OneArm
	VLAN    int              // number of the device's, for VLAN: 1 to 4094
	Uplink  string           // link to the home network

	SSID       string // name of the Wi-Fi, for AP, see radio.Network
	Passphrase string // of it; a plan without can be told, and not carried out

	// MAC is the device's MAC address. Nil is allowed if the device has an interface
	// or a VLAN for itself: then the device is the client that takes its address.
	MAC net.HardwareAddr

	// Address is the device's. The gateway takes the first other one of its /24,
	// where it needs one.
	Address netip.Addr

	// Own, Router and Resolver are the gateway's own address in the home network,
	// and who it sends packets and queries to. Where Own is invalid, all three
	// come by DHCP.
	Own      netip.Prefix
	Router   netip.Addr
	Resolver netip.Addr

	ResolvConf string // names the machine's resolvers, for Host; "" is /etc/resolv.conf

	parents []string // interfaces that Inside and Uplink are built on, if they are VLANs, for example

	Folder   string            // for locks and journals: guard.Folder()
	Guardian []string          // the command of a guardian, see guard.Start
	Tell     func(text string) // progress, in words; nil tells nobody
	Step     func(text string) // each step in words, before it is done; nil tells nobody
}

func (c Config) resolvConf() string { return cmp.Or(c.ResolvConf, "/etc/resolv.conf") }

// usualAddress is the device's where nobody says which.
var usualAddress = netip.AddrFrom4([4]byte{192, 168, 50, 10})

// network is the device's.
func (c Config) network() netip.Prefix { return netip.PrefixFrom(c.Address, 24).Masked() }

// router is the gateway's address in the device's network.
func (c Config) router() netip.Addr {
	first := c.network().Addr().Next()
	if first == c.Address {
		return first.Next()
	}
	return first
}

// device names the device in locks and journals.
func (c Config) device() string {
	if c.MAC != nil {
		return "device " + c.MAC.String()
	}
	return "device " + c.Address.String()
}

// Claims are what no two experiments may have at once: the device, its network, to which
// the machine has one route, and an interface that is moved. One that interfaces of ours
// are built on is shared.
func (p *Plan) Claims() guard.Names {
	c, own := p.config, p.way.locks(p.config)
	names := guard.Names{
		Alone:  append([]string{c.device()}, own.Alone...),
		Shared: append([]string{"interface " + c.Uplink}, own.Shared...),
	}
	if !p.way.shares {
		_, cable, _ := c.cable()
		names.Alone = append(names.Alone, "network "+c.network().String(), "network "+cable.Masked().String())
	}
	for _, parent := range c.parents {
		names.Shared = append(names.Shared, "link "+parent)
	}
	return names
}

// ownMAC is the gateway's hardware address in the home network: always the same,
// so that the home router gives it the same address every time.
func (c Config) ownMAC() net.HardwareAddr { return local(c.digest()[:6]) }

// insideMAC is its hardware address for the device, where the two are on one
// wire.
func (c Config) insideMAC() net.HardwareAddr { return local(c.digest()[12:18]) }

// local makes a locally administered address, of one host, of any bytes.
func local(mac net.HardwareAddr) net.HardwareAddr {
	mac[0] = mac[0]&^1 | 2
	return mac
}

// cable is the link to the machine, and its network of two. Each network of a device has
// its own.
func (c Config) cable() (name string, machine, gateway netip.Prefix) {
	digest := sha256.Sum256([]byte("needwant " + c.network().String()))
	base := [4]byte{169, 254, digest[0]%254 + 1, digest[1] &^ 3}
	at := func(last byte) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{base[0], base[1], base[2], base[3] + last}), 30)
	}
	return "nw-" + hex.EncodeToString(digest[2:5]), at(1), at(2)
}

func (c Config) digest() []byte {
	sum := sha256.Sum256([]byte("needwant " + c.device() + " " + c.Inside))
	return sum[:]
}

// named gives the interfaces the kernel's own names, which alone hold in rules,
// parameters, locks and journals. One that is not there keeps its name: Check says
// so.
func (c Config) named() (Config, error) {
	for _, name := range []*string{&c.Inside, &c.Uplink} {
		if *name == "" || c.Machine == nil {
			continue
		}
		link, err := c.Machine.Netlink().LinkByName(*name)
		if netns.Absent(err) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("looking for interface %s: %w", *name, err)
		}
		*name = link.Attrs().Name
		if err := c.addParents(link); err != nil {
			return c, err
		}
	}
	return c, nil
}

// addParents notes what an interface is built on. The parent of a veth is its
// other end.
func (c *Config) addParents(link netlink.Link) error {
	for link.Attrs().ParentIndex != 0 && link.Type() != "veth" && len(c.parents) < 10 {
		parent, err := c.Machine.Netlink().LinkByIndex(link.Attrs().ParentIndex)
		if netns.Absent(err) { // it is in another namespace
			return nil
		}
		if err != nil {
			return fmt.Errorf("looking for what %s is built on: %w", link.Attrs().Name, err)
		}
		c.parents = append(c.parents, parent.Attrs().Name)
		link = parent
	}
	return nil
}

func (c Config) validate() error {
	way, known := wayOf(c.Kind)
	if !known {
		return fmt.Errorf("placement %q: it takes one of %v", c.Kind, Kinds())
	}
	problems := []error{way.validate(c)}
	if c.Machine == nil {
		problems = append(problems, errors.New("a placement needs the machine's namespace"))
	}
	if !c.Address.Is4() {
		problems = append(problems, fmt.Errorf("the device's address is %s, and must be one of IPv4", c.Address))
	}
	if len(c.Guardian) == 0 || c.Folder == "" {
		problems = append(problems, errors.New("a placement needs a guardian, and a folder for its journal"))
	}
	if c.Own.IsValid() && !c.Router.IsValid() {
		problems = append(problems, errors.New("an address of the gateway's own needs a router beside it"))
	}
	return errors.Join(problems...)
}
