package page

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"rsc.io/qr"
)

// Links are the addresses of a page.
type Links struct {
	Control string // for who may act
	View    string // for people who may only look; "" if there is no such link
	Local   bool   // only this machine can open them
}

// Links says where the page is.
func (s *Server) Links() Links {
	at := s.listener.Addr().(*net.TCPAddr).AddrPort()
	local := at.Addr().IsLoopback()
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(reachable(at.Addr()), at.Port())
	}
	scheme := "http://"
	if s.secure {
		scheme = "https://"
	}
	root := scheme + netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String() + "/"
	links := Links{Control: root, Local: local}
	if !s.open {
		links.Control = root + "enter/" + s.control.token
	}
	if s.view.token != "" {
		links.View = root + "enter/" + s.view.token
	}
	return links
}

// reachable is the address of this machine that others in the home most likely know.
func reachable(unspecified netip.Addr) netip.Addr {
	best := unspecified
	addresses, _ := net.InterfaceAddrs() // without any, the address stays unspecified
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil || prefix.Addr().IsLoopback() || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		if at := prefix.Addr(); best.IsUnspecified() || at.Is4() && !best.Is4() {
			best = at
		}
	}
	return best
}

// Write tells people where the page is, with a QR code for a phone if the output is a
// terminal.
func (l Links) Write(out io.Writer, terminal bool) {
	fmt.Fprintf(out, "The page is at %s\n", l.Control)
	if l.View != "" {
		fmt.Fprintf(out, "To look only: %s\n", l.View)
	}
	if l.Local {
		fmt.Fprintln(out, "Only this machine can open it.\nFor a phone, add an address of this machine: --web=:8080")
		return
	}
	if terminal {
		fmt.Fprint(out, drawn(l.Control))
	}
}

// drawn is a QR code in black on white, two rows of it in each line.
func drawn(text string) string {
	const quiet = 2 // empty modules around it
	code, err := qr.Encode(text, qr.L)
	if err != nil { // longer than a code can be
		return ""
	}
	var out strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		out.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			switch {
			case upper && lower:
				out.WriteString("█")
			case upper:
				out.WriteString("▀")
			case lower:
				out.WriteString("▄")
			default:
				out.WriteString(" ")
			}
		}
		out.WriteString("\x1b[0m\n")
	}
	return out.String()
}
