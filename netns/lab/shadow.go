package lab

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// shadow is what the vendor's cloud knows of the device: what it said last on a
// stream, for as long as it may be late with saying it again.
type shadow struct {
	keeps time.Duration

	mu     sync.Mutex
	status string // as get_status gives it
	heard  time.Time
}

func newShadow(tempo Tempo) *shadow {
	return &shadow{keeps: tempo.Contact * time.Duration(tempo.Patience)}
}

// note takes what the device said in a [session].
func (s *shadow) note(line string) {
	said, ours := strings.CutPrefix(line, greeting)
	_, status, told := strings.Cut(said, " ")
	if !ours || !told {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.heard = status, time.Now()
}

// serve tells the device's state, or that the device is away.
func (s *shadow) serve(answer http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.heard) > s.keeps {
		http.Error(answer, "the device is offline", http.StatusGatewayTimeout)
		return
	}
	_, _ = answer.Write([]byte(s.status))
}
