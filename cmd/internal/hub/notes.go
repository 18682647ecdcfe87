package hub

import (
	"sync"
	"time"
)

// notes passes on what a person should know, but the same text only once in a while: an
// agent, or another program that connects, could cause any number of messages.
type notes struct {
	out func(string)

	mu   sync.Mutex
	said map[string]time.Time
	room int // messages that may be said before the next refill
	at   time.Time
}

// The limits of messages to a person.
const (
	longestSilence = time.Minute // in which a text is not repeated
	mostNotes      = 100         // texts in that time
)

func newNotes(out func(string)) *notes {
	return &notes{out: out, said: map[string]time.Time{}}
}

// turn says what is so from now on, though it was said a moment ago, since before it was otherwise.
func (n *notes) turn(before, now string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.said[before]; known {
		delete(n.said, now)
	}
	n.tell(now)
}

func (n *notes) say(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell(text)
}

func (n *notes) tell(text string) {
	now := time.Now()
	if now.Sub(n.at) > longestSilence {
		n.at, n.room = now, mostNotes
		for text, at := range n.said {
			if now.Sub(at) > longestSilence {
				delete(n.said, text)
			}
		}
	}
	if _, known := n.said[text]; known || n.room == 0 {
		return
	}
	n.said[text], n.room = now, n.room-1
	n.out(text)
}
