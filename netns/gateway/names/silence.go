package names

import (
	"sync"
	"time"
)

// A device whose queries get no answer looks like one that needs what is blocked.
// That a resolver does not answer for a name is no news if it never did: there are
// names that nobody answers for. It is news for a name that it answered for before.

// tooSlow is how long a resolver may take for a name that it has answered for. It
// has the answer in its cache.
const tooSlow = time.Second

// mostAnswered bounds the names that are remembered, which the device chooses.
const mostAnswered = 4096

// silence records the queries that a resolver does not answer.
type silence struct {
	mutex    sync.Mutex
	answered map[string]bool
	waiting  map[*waiting]bool
	name     string    // of the last that was not answered in time
	at       time.Time // when that was known
}

// waiting is a query that the resolver has not answered yet.
type waiting struct {
	name  string
	began time.Time
}

// ask records a query. The function that it returns records how that ended.
func (s *silence) ask(name string) (end func(answered bool)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w := &waiting{name, time.Now()}
	if s.waiting == nil {
		s.waiting, s.answered = map[*waiting]bool{}, map[string]bool{}
	}
	s.waiting[w] = true
	return func(answered bool) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.waiting, w)
		if s.note(w); !answered && s.answered[name] {
			s.name, s.at = name, time.Now()
		}
		if answered && len(s.answered) < mostAnswered {
			s.answered[name] = true
		}
	}
}

// note records a query that takes, or took, too long. The caller holds the lock.
func (s *silence) note(w *waiting) {
	if s.answered[w.name] && time.Since(w.began) > tooSlow {
		s.name, s.at = w.name, time.Now()
	}
}

// since returns a name that the resolver has answered for before, and has not
// answered for in time since then; "" if there is none.
func (s *silence) since(then time.Time) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for w := range s.waiting {
		s.note(w)
	}
	if s.at.After(then) {
		return s.name
	}
	return ""
}

// Silent returns a name that Upstream has answered for before, and has not answered
// for in time since then; "" if there is none.
func (f *Forwarder) Silent(since time.Time) string { return f.silence.since(since) }
