package hub

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The queue says which devices are to be tested, each by the agent that has it. A device has one entry at
// most, which is part of what the hub knows of the device: two tests of a device at the same time are impossible,
// and a second one right after the first would find the same.
//
// An entry names a device, and never says how to test it: the agent has the spec. Its id is that of the run
// that carries it out. So the agent's run files say what became of an entry, also after a kill, and none is carried out
// twice. The hub gives an agent the same entry whenever the device is free, until the agent says that it is over.

// Entry is a test of a device that was queued.
type Entry struct {
	ID    string    `json:"id"` // of the run, too
	Exact bool      `json:"exact,omitempty"`
	Added time.Time `json:"added"`
	After time.Time `json:"after,omitzero"` // not before that time
	Begun time.Time `json:"begun,omitzero"` // when its agent took it
	Over  time.Time `json:"over,omitzero"`
	Why   string    `json:"why,omitempty"` // why it is over and was not carried out, or went wrong and is continued
}

// longestQueued is for how long an entry waits for its agent.
const longestQueued = 30 * 24 * time.Hour

// late reports whether an entry waited too long for its agent.
func (e Entry) late(now time.Time) bool {
	since := e.Added
	if e.After.After(since) {
		since = e.After
	}
	return e.Begun.IsZero() && now.Sub(since) > longestQueued
}

// notice is what an agent says of an entry that it took.
type notice struct {
	Device string `json:"device"` // by name
	ID     string `json:"id"`
	Over   bool   `json:"over,omitempty"`
	Why    string `json:"why,omitempty"` // it was not carried out, or went wrong
}

// end is the device with its entry over, if it has one that is not.
func (k Known) end(now time.Time, why string) Known {
	if k.Entry != nil && k.Entry.Over.IsZero() {
		entry := *k.Entry
		entry.Over, entry.Why = now, why
		k.Entry = &entry
	}
	return k
}

// of is the device as one that another agent has from now on. What was queued for the agent that had it is over.
func (k Known) of(agent string, device Device, now time.Time) Known {
	if k.Agent != agent {
		k = k.end(now, "agent "+agent+" has the device now")
		k.Agent, k.Since = agent, now
	}
	k.Device = device
	return k
}

// hear is the device once its agent has said what became of the entry.
func (k Known) hear(n notice, now time.Time) Known {
	switch {
	case k.Entry == nil || k.Entry.ID != n.ID || !k.Entry.Over.IsZero():
		return k
	case n.Over:
		return k.end(now, n.Why)
	case k.Entry.Why == n.Why:
		return k
	}
	entry := *k.Entry
	entry.Why = n.Why
	k.Entry = &entry
	return k
}

// give is the device once its agent has taken the entry that is to be carried out now; nil if there is none.
func (k Known) give(now time.Time) (Known, *Entry) {
	switch e := k.Entry; {
	case e == nil || !e.Over.IsZero() || now.Before(e.After):
		return k, nil
	case e.late(now):
		return k.end(now, "the agent did not take it in 30 days"), nil
	case !e.Begun.IsZero():
		return k, e
	}
	entry := *k.Entry
	entry.Begun = now
	k.Entry = &entry
	return k, &entry
}

// attend takes in what an agent says of its entries, and gives it those of its devices that are free.
func (r *registry) attend(ctx context.Context, agent string, h hello) (welcome, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if wrong := r.arrive(agent, h); wrong != "" {
		return welcome{Wrong: wrong}, nil
	}
	r.offer(agent, h.Devices)
	answer := welcome{Entries: map[string]Entry{}}
	for _, device := range h.Devices {
		var given *Entry
		key := device.key(agent)
		_, err := r.change(ctx, key, func(known Known) (next Known, changed bool) {
			given = nil
			if known.Agent != agent && (known.Held || r.offered(known.Agent, key)) {
				return known, false
			}
			now := time.Now().UTC()
			next = known.of(agent, device, now)
			for _, n := range h.Notices {
				if n.Device == device.Name {
					next = next.hear(n, now)
				}
			}
			if slices.Contains(h.Free, device.Name) {
				next, given = next.give(now)
			}
			return next, next != known
		})
		if err != nil {
			return welcome{}, err
		}
		if given != nil {
			answer.Entries[device.Name] = *given
		}
	}
	return answer, nil
}

// offer notes for which devices an agent takes entries.
func (r *registry) offer(agent string, devices []Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.seen[agent]
	p.offers = map[string]bool{}
	for _, device := range devices {
		p.offers[device.key(agent)] = true
	}
	r.seen[agent] = p
}

// offered reports whether an agent is there that takes entries for a device.
func (r *registry) offered(agent, key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.seen[agent]
	return p.offers[key] && time.Since(p.at) < absent
}

// Queueing is what the hub's user wants of the queue.
type Queueing struct {
	Add     bool      `json:"add"` // else the entries are removed
	Devices []string  `json:"devices"`
	Exact   bool      `json:"exact,omitempty"`
	After   time.Time `json:"after,omitzero"`
}

// queueing changes the queue, and returns what came of it, in a line for each device.
func (r *registry) queueing(ctx context.Context, q Queueing) (string, error) {
	devices, err := r.devices(ctx)
	if err != nil {
		return "", err
	}
	var keys []string
	for _, name := range q.Devices {
		found := named(devices, name)
		if len(found) == 0 {
			return "", fmt.Errorf("the hub knows no device %s, and nothing was changed: needwant hub status lists the devices; an agent with --queue names its devices when it connects", name)
		}
		keys = append(keys, found...)
	}
	slices.Sort(keys)
	var lines []string
	for _, key := range slices.Compact(keys) {
		var line string
		if _, err := r.change(ctx, key, func(known Known) (next Known, changed bool) {
			next, line = known.queueing(q, time.Now().UTC())
			return next, next != known
		}); err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// named are the keys of the devices that a name means: AGENT/DEVICE, or AGENT for all of an agent's.
func named(devices map[string]Known, name string) (keys []string) {
	agent, device, one := strings.Cut(name, "/")
	for key, known := range devices {
		if known.Agent == agent && (!one || known.Name == device) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Title is what people call the device: AGENT/DEVICE.
func (k Known) Title() string { return k.Agent + "/" + k.Name }

// queueing queues a test of a device, or removes it from the queue, and says what came of it.
func (k Known) queueing(q Queueing, now time.Time) (next Known, line string) {
	switch {
	case q.Add && k.Entry != nil && k.Entry.Over.IsZero():
		return k, k.Title() + " is in the queue already."
	case q.Add:
		k.Entry = &Entry{ID: rand.Text(), Exact: q.Exact, Added: now, After: q.After}
		return k, k.Title() + " is in the queue."
	case k.Entry == nil:
		return k, k.Title() + " is not in the queue."
	}
	line = k.Title() + " is not in the queue any more."
	if !k.Entry.Begun.IsZero() && k.Entry.Over.IsZero() {
		line += " A run that has begun continues: the page of the hub can stop it."
	}
	k.Entry = nil
	return k, line
}

// place is a device for which an agent takes entries.
type place struct {
	device Device
	taker  chan Entry // nil while the device is not free; has room for one
	notice *notice    // that the hub does not have yet
}

// Offer has the hub's queue name the device, until the function that it returns is called. See [Link.Take].
func (l *Link) Offer(device Device) (withdraw func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places[device.Name] = &place{device: device}
	l.nudge()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.places, device.Name)
	}
}

// Take waits until the hub's queue has an entry for a device that is free, and was offered. It returns the
// same entry again until [Link.Report] says that it is over. The error is that of ctx, or [ErrRejected].
func (l *Link) Take(ctx context.Context, device Device) (Entry, error) {
	taker := make(chan Entry, 1)
	l.taking(device, taker)
	defer l.taking(device, nil)
	select {
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	case <-l.closed:
		return Entry{}, ErrRejected
	case entry := <-taker:
		return entry, nil
	}
}

func (l *Link) taking(device Device, taker chan Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[device.Name]; p != nil {
		p.taker = taker
	}
	if taker != nil {
		l.nudge()
	}
}

// Report says what became of an entry for a device that was offered: it is over, or it goes on though something went wrong. Why is
// "" if it was carried out. It is sent until the hub has it, or until the next report on the device.
func (l *Link) Report(device Device, id string, over bool, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[device.Name]; p != nil {
		p.notice = &notice{device.Name, id, over, short(why)}
		l.nudge()
	}
}

// short is a text that fits into a [notice].
func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= mostText {
		return text
	}
	return strings.ToValidUTF8(text[:mostText-len("…")], "") + "…"
}

// attend tells the hub what became of entries, and takes those for the devices that are free.
func (l *Link) attend(ctx context.Context) {
	var told []*notice
	var answer welcome
	l.mu.Lock()
	none := len(l.places) == 0
	l.mu.Unlock()
	if none {
		return
	}
	err := l.request(ctx, queueSubjects, func() (h hello) {
		h, told = l.offers()
		return h
	}, &answer)
	if err != nil || answer.Wrong != "" {
		return // the hello says it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.places {
		if slices.Contains(told, p.notice) {
			p.notice = nil
		}
		entry, given := answer.Entries[name]
		if !given || p.taker == nil || !plainToken.MatchString(entry.ID) || len(entry.ID) > mostToken {
			continue
		}
		select {
		case p.taker <- entry:
		default:
		}
	}
}

// offers is what the agent says of the devices for which it takes entries.
func (l *Link) offers() (h hello, told []*notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, p := range l.places {
		h.Devices = append(h.Devices, p.device)
		if p.taker != nil {
			h.Free = append(h.Free, name)
		}
		if p.notice != nil {
			told = append(told, p.notice)
			h.Notices = append(h.Notices, *p.notice)
		}
	}
	return h, told
}
