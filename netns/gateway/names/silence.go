package names

import (
	"slices"
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
	answered map[subject]bool
	waiting  map[*waiting]bool
	late     map[subject]time.Time // when it was last known that an answer took too long, or still takes it
	silent   map[subject]time.Time // when there was last no answer at all
}

// subject is what a query asks for. A resolver may answer for the IPv4 addresses of a
// name, and never for its IPv6 addresses.
type subject struct {
	name string
	kind uint16 // the type of record
}

// waiting is a query that the resolver has not answered yet.
type waiting struct {
	subject
	began time.Time
}

// ask records a query. The function that it returns records how that ended.
func (s *silence) ask(question Question) (end func(answered bool)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w := &waiting{subject{question.Name, question.Kind}, time.Now()}
	if s.waiting == nil {
		s.waiting, s.answered = map[*waiting]bool{}, map[subject]bool{}
		s.late, s.silent = map[subject]time.Time{}, map[subject]time.Time{}
	}
	s.waiting[w] = true
	return func(answered bool) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.waiting, w)
		if s.note(w); !answered && s.answered[w.subject] {
			s.silent[w.subject] = time.Now()
		}
		if answered && len(s.answered) < mostAnswered {
			s.answered[w.subject] = true
		}
	}
}

// note records a query that takes, or took, too long. The caller holds the lock.
func (s *silence) note(w *waiting) {
	if s.answered[w.subject] && time.Since(w.began) > tooSlow {
		s.late[w.subject] = time.Now()
	}
}

// since lists the names that the resolver has answered for before, and since then too
// late, or not at all, both sorted.
func (s *silence) since(then time.Time) (late, silent []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for w := range s.waiting {
		s.note(w)
	}
	return namesAfter(s.late, then), namesAfter(s.silent, then)
}

func namesAfter(known map[subject]time.Time, then time.Time) (names []string) {
	for subject, at := range known {
		if at.After(then) {
			names = append(names, subject.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Silent lists the names that Upstream has answered for before, and since then too
// late, or not at all, both sorted.
func (f *Forwarder) Silent(since time.Time) (late, silent []string) { return f.silence.since(since) }
