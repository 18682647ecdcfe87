package radio

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// The numbers of linux/genetlink.h and linux/nl80211.h.
const (
	getFamily  = 3 // CTRL_CMD_GETFAMILY
	familyID   = 1 // CTRL_ATTR_FAMILY_ID
	familyName = 2 // CTRL_ATTR_FAMILY_NAME

	getRadio     = 1  // NL80211_CMD_GET_WIPHY
	getInterface = 5  // NL80211_CMD_GET_INTERFACE
	setInterface = 6  // NL80211_CMD_SET_INTERFACE
	setNamespace = 49 // NL80211_CMD_SET_WIPHY_NETNS

	radioNumber       = 1   // NL80211_ATTR_WIPHY
	linkIndex         = 3   // NL80211_ATTR_IFINDEX
	linkMode          = 5   // NL80211_ATTR_IFTYPE
	supportedModes    = 32  // NL80211_ATTR_SUPPORTED_IFTYPES
	supportedCommands = 50  // NL80211_ATTR_SUPPORTED_COMMANDS
	namespaceFile     = 219 // NL80211_ATTR_NETNS_FD
)

// headerSize is that of struct genlmsghdr.
const headerSize = 4

// conversation is one with the kernel's part for Wi-Fi.
type conversation struct {
	connection *netlink.Conn
	family     uint16
}

// talk holds a conversation about the radios of a namespace. A kernel that knows
// nothing of Wi-Fi is [ErrNone].
func talk(namespace *netns.Namespace, act func(conversation) error) error {
	connection, err := netlink.Dial(unix.NETLINK_GENERIC, &netlink.Config{NetNS: namespace.FD()})
	if err != nil {
		return fmt.Errorf("asking about Wi-Fi: %w", err)
	}
	defer connection.Close()
	control := conversation{connection, unix.GENL_ID_CTRL}
	replies, err := control.get(getFamily, func(a *netlink.AttributeEncoder) { a.String(familyName, "nl80211") })
	if err != nil {
		return orNone(fmt.Errorf("asking whether this kernel has Wi-Fi: %w", err), unix.ENOENT)
	}
	wifi := conversation{connection: connection}
	err = each(replies, func(a *netlink.AttributeDecoder) {
		if a.Type() == familyID {
			wifi.family = a.Uint16()
		}
	})
	if err != nil {
		return err
	}
	return act(wifi)
}

// orNone is [ErrNone] where the kernel's answer says that there is none. Any other
// failure, as a lack of memory for the moment, says nothing.
func orNone(err error, absent ...error) error {
	if slices.ContainsFunc(absent, func(a error) bool { return errors.Is(err, a) }) {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	return err
}

// get asks for one thing. It asks for no acknowledgement, which would come as a
// second message after the reply, and be taken for the next one.
func (c conversation) get(command byte, fill func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	return c.send(command, netlink.Request, fill)
}

// dump asks for all there are.
func (c conversation) dump(command byte) ([]netlink.Message, error) {
	return c.send(command, netlink.Request|netlink.Dump, func(*netlink.AttributeEncoder) {})
}

// do commands, and waits until it is done.
func (c conversation) do(command byte, fill func(*netlink.AttributeEncoder)) error {
	_, err := c.send(command, netlink.Request|netlink.Acknowledge, fill)
	return err
}

func (c conversation) send(command byte, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	attributes := netlink.NewAttributeEncoder()
	fill(attributes)
	encoded, err := attributes.Encode()
	if err != nil {
		return nil, err
	}
	return c.connection.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(c.family), Flags: flags},
		Data:   append([]byte{command, 1, 0, 0}, encoded...),
	})
}

// each visits the attributes of messages.
func each(messages []netlink.Message, visit func(*netlink.AttributeDecoder)) error {
	for _, message := range messages {
		if len(message.Data) < headerSize {
			return fmt.Errorf("the kernel answered with %d bytes, which are no message about Wi-Fi", len(message.Data))
		}
		attributes, err := netlink.NewAttributeDecoder(message.Data[headerSize:])
		if err != nil {
			return err
		}
		for attributes.Next() {
			visit(attributes)
		}
		if err := attributes.Err(); err != nil {
			return err
		}
	}
	return nil
}
