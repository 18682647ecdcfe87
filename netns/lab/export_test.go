package lab

import (
	"crypto/x509"
	"time"

	"github.com/needwant/needwant/netns"
)

// Mind lets specs talk to a device's mind without a network.
type Mind struct{ *mind }

// NewMind starts a mind.
func NewMind(w World) Mind { return Mind{newMind(w)} }

// Report tells how a contact went.
func (m Mind) Report(id string, succeeded bool) { m.report(id, succeeded) }

// Active reports whether a destination is to be contacted.
func (m Mind) Active(id string) bool {
	active, _ := m.active(id)
	return active
}

// Works calls a function. Reach tells how contacts made by the call go.
func (m Mind) Works(function string, reach func(id string) bool) bool {
	called := map[string]bool{}
	for id := range m.onCall(function) {
		called[id] = reach(id)
	}
	return m.works(function, called)
}

// Late tells by how much a function answers late.
func (m Mind) Late(function string) time.Duration { return m.late(function) }

// Leaves tells for how long a destination is left alone.
func (m Mind) Leaves(id string) time.Duration { return m.leaves(id) }

// Period is the time until a destination is contacted again.
func (m Mind) Period(id string) time.Duration { return m.period(id) }

// Starting reports whether the mind is still starting.
func (m Mind) Starting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starting
}

// Ignores asks a noise about its nth request.
func (n Noise) Ignores(seed, nth uint64) bool { return noise{n, seed}.ignores(nth) }

// In asks whether a noise has a spell at an age.
func (n Noise) In(seed uint64, age time.Duration) bool { return noise{n, seed}.spell(age) }

// Namespaces are all that a lab is made of.
func (l *Lab) Namespaces() map[string]*netns.Namespace {
	t := l.topology
	return map[string]*netns.Namespace{
		"device": t.device, "gateway": t.gateway, "internet": t.internet,
		"assistant": t.assistant, "app": t.app, "phone": t.phone,
	}
}

// Distrust starts the device again, trusting nobody.
func (l *Lab) Distrust() error {
	l.device.switchOff()
	l.device.trusted = x509.NewCertPool()
	return l.device.switchOn()
}

// Starts counts how often the device was switched on, or restarted.
func (l *Lab) Starts() int {
	l.device.mu.Lock()
	defer l.device.mu.Unlock()
	return int(l.device.starts)
}

// SwitchOff pulls the device's plug, and SwitchOn puts it back.
func (l *Lab) SwitchOff() { l.device.switchOff() }

// SwitchOn starts the device again.
func (l *Lab) SwitchOn() error { return l.device.switchOn() }
