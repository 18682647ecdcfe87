package standin

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

const (
	pagePort    = 80
	mostVisits  = 64              // connections at a time; others wait
	longestTalk = 5 * time.Second // of one connection
	mostHeaders = 8 << 10         // bytes of a request
)

// page is an answer to a connectivity check.
type page struct {
	status int
	text   string
}

// pages are what the known checks expect, by path. Their hosts differ from device to
// device, and some use an address.
func pages() map[string]page {
	success := page{http.StatusOK, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n"}
	online := page{http.StatusOK, "NetworkManager is online\n"}
	return map[string]page{
		"/generate_204":              {http.StatusNoContent, ""}, // Android, Chrome
		"/gen_204":                   {http.StatusNoContent, ""},
		"/hotspot-detect.html":       success, // Apple
		"/library/test/success.html": success,
		"/connecttest.txt":           {http.StatusOK, "Microsoft Connect Test"},
		"/ncsi.txt":                  {http.StatusOK, "Microsoft NCSI"},
		"/success.txt":               {http.StatusOK, "success\n"}, // Firefox
		"/canonical.html":            {http.StatusOK, `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`},
		"/check_network_status.txt":  online, // GNOME
		"/nm":                        online, // Debian
	}
}

// servePages is a web server with the pages of connectivity checks.
func (s *Servers) servePages(ctx context.Context, at sockets.Config) error {
	at.Port = s.config.port(harness.ProbePages, pagePort)
	listener, err := s.listen(ctx, at)
	if err != nil {
		return err
	}
	known := pages()
	web := &http.Server{
		ReadTimeout: longestTalk, WriteTimeout: longestTalk, MaxHeaderBytes: mostHeaders, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if !answerPage(w, request, known) {
				return
			}
			if meant, ok := request.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
				s.answer(harness.TCP, sockets.AddrPort(meant))
			}
		}),
	}
	web.SetKeepAlivesEnabled(false)
	s.serve(harness.ProbePages, web, func() error { return web.Serve(netutil.LimitListener(listener, mostVisits)) })
	return nil
}

// answerPage answers a check, and reports whether it was one. What is not known is an
// empty page: many devices look at the status alone. A device that wants to send
// something is refused, since nobody receives it.
func answerPage(w http.ResponseWriter, request *http.Request, known map[string]page) bool {
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		http.Error(w, "", http.StatusMethodNotAllowed)
		return false
	}
	answer, ok := known[request.URL.Path]
	if !ok {
		answer = page{status: http.StatusOK}
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("X-NetworkManager-Status", "online") // Ubuntu
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.text) // a client that went away asks again
	return true
}
