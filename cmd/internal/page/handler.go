package page

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/reports"
)

// policy lets a page load its own files, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// role is what a viewer may do.
type role int

const (
	nobody role = iota
	viewer
	controller
)

type roleKey struct{}

// Handler answers requests, all of them checked.
func (s *Server) Handler() http.Handler {
	routes := http.NewServeMux()
	for _, below := range []string{"/", "/run/{run}/"} {
		routes.HandleFunc("GET "+below+"{$}", s.on((*Board).show))
		routes.HandleFunc("GET "+below+"events", s.on(s.events))
		routes.HandleFunc("GET "+below+"picture/{question}", s.on((*Board).illustrated))
		routes.HandleFunc("POST "+below+"answer", s.on((*Board).answered))
		routes.HandleFunc("POST "+below+"order", s.on((*Board).ordered))
		routes.HandleFunc("GET "+below+"style.css", file("style.css", "text/css; charset=utf-8"))
		routes.HandleFunc("GET "+below+"page.js", file("page.js", "text/javascript; charset=utf-8"))
	}
	entered := http.NewServeMux()
	entered.HandleFunc("GET /enter/{token}", s.enter)
	entered.Handle("/", s.known(sameOrigin(routes)))
	return s.limited(hardened(ownHost(entered)))
}

// on answers a request to one of the pages.
func (s *Server) on(answer func(*Board, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		board := s.board(r)
		if board == nil {
			refuse(w, http.StatusNotFound, `This run is not in the list. <a href="/">Back to the first page</a>`)
			return
		}
		answer(board, w, r)
	}
}

// limited refuses senders of too many requests.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.sender.allow(senderOf(r)) {
			refuse(w, http.StatusTooManyRequests, "Too many requests. Wait for a few seconds.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

// senderOf is the address that a request comes from.
func senderOf(r *http.Request) netip.Addr { return senderAt(r.RemoteAddr) }

// senderAt is the sender at an address with a port; a network of IPv6 is one sender.
func senderAt(address string) netip.Addr {
	from, _ := netip.ParseAddrPort(address)
	sender := from.Addr().Unmap().WithZone("")
	if sender.Is6() {
		network, _ := sender.Prefix(64)
		return network.Addr()
	}
	return sender
}

// hardened tells browsers to trust the page with nothing.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin") // with no-referrer, forms would have the origin "null"
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// ownHost refuses requests to a name that is not this machine's. A browser sends one if
// a page from elsewhere has its own name resolve to this machine's address.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !own(hostOf(r.Host)) {
			refuse(w, http.StatusMisdirectedRequest, "This page is not at that name. Open it with the link that needwant printed.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is a host without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// own reports whether a host is an address, or a name that only this machine has.
func own(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name, err := os.Hostname()
	host = strings.ToLower(host)
	return host == "localhost" || err == nil && name != "" && (host == strings.ToLower(name) || host == strings.ToLower(name)+".local")
}

// known refuses requests without a cookie of ours.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := s.roleOf(r)
		if who == nobody {
			refuse(w, http.StatusUnauthorized, "Open this page with the link that needwant printed, or scan its QR code.")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roleKey{}, who)))
	})
}

func (s *Server) roleOf(r *http.Request) role {
	if s.open {
		return controller
	}
	cookie, err := r.Cookie(s.cookieName())
	switch {
	case err != nil:
		return nobody
	case same(cookie.Value, s.control.cookie):
		return controller
	case same(cookie.Value, s.view.cookie):
		return viewer
	}
	return nobody
}

// same compares a secret in constant time. No secret is the same as none.
func same(given, secret string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(given), []byte(secret)) == 1
}

// cookieName differs for each port, since cookies of one machine are shared by its ports.
func (s *Server) cookieName() string {
	return "needwant-" + strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port)
}

// sameOrigin refuses what another page makes a browser send, and what a viewer may not.
func sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		switch {
		case r.Header.Get("Origin") != scheme+r.Host:
			refuse(w, http.StatusForbidden, "This came from another page.")
		case r.Context().Value(roleKey{}) != controller:
			refuse(w, http.StatusForbidden, "This link only shows. Use the other one that needwant printed.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// enter exchanges the token of a link for a cookie.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	sender, token := senderOf(r), r.PathValue("token")
	if s.wrong.exhausted(sender) {
		refuse(w, http.StatusTooManyRequests, "Too many links that are wrong. Wait for a minute.")
		return
	}
	var value string
	switch {
	case same(token, s.control.token):
		value = s.control.cookie
	case same(token, s.view.token):
		value = s.view.cookie
	default:
		s.wrong.allow(sender)
		refuse(w, http.StatusForbidden, "This link is not valid any more. Use the one that needwant printed last.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.secure})
	// Not a redirect: after one that began on another site, a browser would keep the
	// cookie back.
	answer(w, http.StatusOK, `<meta http-equiv="refresh" content="0;url=/">`, `<a href="/">Open the page</a>`)
}

func (b *Board) show(w http.ResponseWriter, r *http.Request) {
	who, _ := r.Context().Value(roleKey{}).(role)
	text, err := b.page(who)
	if err != nil {
		answer(w, http.StatusServiceUnavailable, `<meta http-equiv="refresh" content="1">`, "There is nothing to show yet.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text)
}

// heartbeat keeps a connection that has no news, and finds out whether it is broken.
const heartbeat = 15 * time.Second

// events says each time that there is something new, and at last that the page ends, until
// the viewer goes away. What is new is the page itself, so that nothing is lost if the
// connection is.
func (s *Server) events(b *Board, w http.ResponseWriter, r *http.Request) {
	select {
	case s.viewers <- struct{}{}:
		defer func() { <-s.viewers }()
	default:
		refuse(w, http.StatusServiceUnavailable, "Too many viewers.")
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // nothing more is read, and the end of the time would end the request
	w.Header().Set("Content-Type", "text/event-stream")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for last := -1; ; {
		_, version, changed := b.now()
		text := ": still there\n\n"
		if version != last {
			text = fmt.Sprintf("retry: 1000\nid: %d\nevent: change\ndata: %d\n\n", version, version)
		}
		last = version
		_ = control.SetWriteDeadline(time.Now().Add(longestRequest)) // a viewer that does not read is let go
		if _, err := w.Write([]byte(text)); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-beat.C:
		case <-s.ending:
			if _, err := w.Write([]byte("event: end\ndata:\n\n")); err == nil && control.Flush() == nil {
				<-r.Context().Done() // it fetches the page once more, and goes away
			}
			return
		}
	}
}

func file(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := reports.LiveFile(name)
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content)
	}
}

func refuse(w http.ResponseWriter, status int, why string) { answer(w, status, "", why) }

// answer is a page of one sentence, of our own words alone.
func answer(w http.ResponseWriter, status int, head, sentence string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`+
		`<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">%s<title>needwant</title></head><body><p>%s</p></body></html>`, head, sentence)
}
