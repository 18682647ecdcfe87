package radio

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Radio is the hardware behind a link of Wi-Fi, and what the link was used as.
type Radio struct {
	Number uint32 `json:"number"` // the kernel's, the same in all namespaces
	Mode   Mode   `json:"mode"`   // of the link
}

// Mode is what a link of Wi-Fi is used as: a value of NL80211_IFTYPE_*.
type Mode uint32

// The modes that matter here.
const (
	ModeClient      Mode = 2
	ModeAccessPoint Mode = 3
)

// Abilities are what a radio can do, as its driver says.
type Abilities struct {
	Modes   []Mode // that its links can have
	Movable bool   // to another namespace
}

// ErrNone says that a link is not one of Wi-Fi.
var ErrNone = errors.New("no link of Wi-Fi")

// Of finds the radio behind a link, by the link's number. A link that has none is
// [ErrNone].
func Of(namespace *netns.Namespace, link int) (r Radio, err error) {
	err = talk(namespace, func(c conversation) error {
		replies, err := c.get(getInterface, func(a *netlink.AttributeEncoder) { a.Uint32(linkIndex, uint32(link)) })
		if err != nil {
			return orNone(fmt.Errorf("asking which radio link %d has: %w", link, err), unix.ENODEV, unix.EOPNOTSUPP)
		}
		return each(replies, func(a *netlink.AttributeDecoder) {
			switch a.Type() {
			case radioNumber:
				r.Number = a.Uint32()
			case linkMode:
				r.Mode = Mode(a.Uint32())
			}
		})
	})
	return r, err
}

// Links are the numbers of all links that the radio has in a namespace, smallest
// first.
func (r Radio) Links(namespace *netns.Namespace) (links []int, err error) {
	err = talk(namespace, func(c conversation) error {
		replies, err := c.dump(getInterface)
		if err != nil {
			return fmt.Errorf("listing the links of radio %d: %w", r.Number, err)
		}
		for _, reply := range replies {
			number, link := r.Number+1, 0
			err := each([]netlink.Message{reply}, func(a *netlink.AttributeDecoder) {
				switch a.Type() {
				case radioNumber:
					number = a.Uint32()
				case linkIndex:
					link = int(a.Uint32())
				}
			})
			if err != nil {
				return err
			}
			if number == r.Number && link != 0 { // 0 is what has no link, as a peer-to-peer device
				links = append(links, link)
			}
		}
		return nil
	})
	slices.Sort(links)
	return links, err
}

// Abilities asks what the radio, which is in the namespace, can do.
func (r Radio) Abilities(namespace *netns.Namespace) (abilities Abilities, err error) {
	err = talk(namespace, func(c conversation) error {
		replies, err := c.get(getRadio, func(a *netlink.AttributeEncoder) { a.Uint32(radioNumber, r.Number) })
		if err != nil {
			return fmt.Errorf("asking what radio %d can do: %w", r.Number, err)
		}
		return each(replies, func(a *netlink.AttributeDecoder) {
			switch a.Type() {
			case supportedModes:
				a.Nested(func(modes *netlink.AttributeDecoder) error {
					for modes.Next() {
						abilities.Modes = append(abilities.Modes, Mode(modes.Type()))
					}
					return nil
				})
			case supportedCommands:
				a.Nested(func(commands *netlink.AttributeDecoder) error {
					for commands.Next() {
						abilities.Movable = abilities.Movable || commands.Uint32() == setNamespace
					}
					return nil
				})
			}
		})
	})
	return abilities, err
}

// Move hands the radio with its links from one namespace to another. The kernel
// sets the links down.
func (r Radio) Move(from, to *netns.Namespace) error {
	return talk(from, func(c conversation) error {
		err := c.do(setNamespace, func(a *netlink.AttributeEncoder) {
			a.Uint32(radioNumber, r.Number)
			a.Uint32(namespaceFile, uint32(to.FD()))
		})
		if err != nil {
			return fmt.Errorf("moving radio %d to another namespace: %w", r.Number, err)
		}
		return nil
	})
}

// Restore makes a link again what it was used as. The link must be down.
func (r Radio) Restore(namespace *netns.Namespace, link int) error {
	return talk(namespace, func(c conversation) error {
		err := c.do(setInterface, func(a *netlink.AttributeEncoder) {
			a.Uint32(linkIndex, uint32(link))
			a.Uint32(linkMode, uint32(r.Mode))
		})
		if err != nil {
			return fmt.Errorf("setting the mode of link %d back: %w", link, err)
		}
		return nil
	})
}
