package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/needwant/needwant/internal/span"
)

// hello is what an agent says of itself.
type hello struct {
	Instance string   `json:"instance"` // of the process
	Number   uint64   `json:"number"`   // increases with each request of the process
	Devices  []Device `json:"devices"`
	// What a request about the queue has besides:
	Free    []string `json:"free,omitempty"` // the devices that can be tested now, by name
	Notices []notice `json:"notices,omitempty"`
}

// welcome is the answer.
type welcome struct {
	Holders map[string]string `json:"holders,omitempty"` // by key of a device: the agent that has it
	Wrong   string            `json:"wrong,omitempty"`   // why the agent gets no device at all
	Page    bool              `json:"page,omitempty"`    // the hub has a page, on which people answer questions
	Entries map[string]Entry  `json:"entries,omitempty"` // to be carried out now, by name of the device
}

// The limits of a hello.
const (
	mostHello   = 256 << 10 // bytes
	mostDevices = 256       // of one agent
	mostText    = 200       // bytes of each text of a device
)

// key is the key of a device in the bucket. Two agents that name the same MAC address mean
// the same device.
func (d Device) key(agent string) string {
	if mac, err := net.ParseMAC(d.MAC); err == nil {
		return "mac." + strings.ReplaceAll(mac.String(), ":", "")
	}
	return "own." + agent + "." + token(d.Name)
}

// valid reports what no device can have.
func (h hello) valid() error {
	if max(len(h.Devices), len(h.Free), len(h.Notices)) > mostDevices {
		return fmt.Errorf("it has more than %d devices", mostDevices)
	}
	texts := append([]string{h.Instance}, h.Free...)
	for _, d := range h.Devices {
		texts = append(texts, d.Name, d.Model, d.MAC, d.Placement)
	}
	for _, n := range h.Notices {
		texts = append(texts, n.Device, n.ID, n.Why)
	}
	for _, text := range texts {
		if len(text) > mostText || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%.40q is too long, or has a character that no name has", text)
		}
	}
	return nil
}

// Known is a device as the hub knows it.
type Known struct {
	Device
	Agent string    `json:"agent"` // that has it, or had it last
	Held  bool      `json:"held"`  // the agent has it still
	Since time.Time `json:"since"`
	// Process is that of the agent. A process that claims a device is written down before it has it:
	// a server of a cluster that is behind could name an agent that had the device before.
	Process string `json:"process,omitempty"`
	Entry   *Entry `json:"entry,omitempty"`   // of the queue; nil if there was none yet
	Offered bool   `json:"offered,omitempty"` // the agent takes entries for it. Not kept: the hub knows it while the agent is there
}

// Fleet is what a hub knows of agents and devices.
type Fleet struct {
	Agents  []Presence `json:"agents"`
	Devices []Known    `json:"devices"`
}

// Presence is an agent, and when it was there last.
type Presence struct {
	Agent string    `json:"agent"`
	Seen  time.Time `json:"seen,omitzero"` // zero: not since the hub was started
}

// Now reports whether the agent is connected.
func (p Presence) Now() bool { return time.Since(p.Seen) < absent }

// absent is after how long without a hello an agent counts as not connected.
const absent = 4 * helloEach

// registry says which agent has which device. It is kept in a bucket, in which each change
// replaces the very version that was read, so that two hubs of one cluster cannot give a
// device to two agents.
type registry struct {
	turn   sync.Mutex // held by the request of an agent that is carried out
	mu     sync.Mutex
	bucket jetstream.KeyValue  // nil until the server has it
	seen   map[string]presence // by agent
}

type presence struct {
	instance string
	number   uint64 // of its newest request
	at       time.Time
	offers   map[string]bool // by key: the devices for which it takes entries of the queue
}

// arrive notes that an agent is there. It returns what is wrong if two processes use the
// same credentials, or if a newer request of the agent was there before.
func (r *registry) arrive(agent string, h hello) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, now := r.seen[agent], time.Now()
	if last.instance == h.Instance && h.Number <= last.number {
		return "it came twice, or too late"
	}
	if last.instance != h.Instance && now.Sub(last.at) < absent {
		return "another process used the credentials of agent " + agent + " " + span.Words(now.Sub(last.at).Round(time.Second)) + " ago: stop it, or give this machine credentials of its own (needwant hub add)"
	}
	next := presence{instance: h.Instance, number: h.Number, at: now}
	if last.instance == h.Instance {
		next.offers = last.offers
	}
	r.seen[agent] = next
	return ""
}

// serves reports whether this process of an agent is there.
func (r *registry) serves(agent, instance string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.seen[agent]
	return last.instance == instance && time.Since(last.at) < absent
}

// welcome answers a hello.
func (r *registry) welcome(ctx context.Context, agent string, h hello) (welcome, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if wrong := r.arrive(agent, h); wrong != "" {
		return welcome{Wrong: wrong}, nil
	}
	answer := welcome{Holders: map[string]string{}}
	for _, device := range h.Devices {
		holder, err := r.claim(ctx, agent, h.Instance, device)
		if err != nil {
			return welcome{}, err
		}
		answer.Holders[device.key(agent)] = holder
	}
	return answer, nil
}

// claim gives a device to an agent if no other one has it, and returns which one has it.
func (r *registry) claim(ctx context.Context, agent, process string, device Device) (holder string, err error) {
	return r.change(ctx, device.key(agent), func(known Known) (Known, bool) {
		switch {
		case known.Held && known.Agent != agent:
			return known, false
		case known.Held && known.Device == device && known.Process == process:
			return known, false
		}
		now := time.Now().UTC()
		next := known.of(agent, device, now)
		if !known.Held {
			next.Since = now
		}
		next.Held, next.Process = true, process
		return next, true
	})
}

// takeBack takes devices back from an agent.
func (r *registry) takeBack(ctx context.Context, agent string, h hello) (welcome, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if wrong := r.arrive(agent, h); wrong != "" {
		return welcome{Wrong: wrong}, nil
	}
	for _, device := range h.Devices {
		if err := r.free(ctx, agent, device.key(agent), device); err != nil {
			return welcome{}, err
		}
	}
	return welcome{}, nil
}

// free takes a device back from an agent. One that the hub was never told of is known from now on: an agent
// may return a device before it says hello.
func (r *registry) free(ctx context.Context, agent, key string, device Device) error {
	_, err := r.change(ctx, key, func(known Known) (Known, bool) {
		unknown := known.Agent == ""
		if unknown {
			known = known.of(agent, device, time.Now().UTC())
		}
		if !unknown && (!known.Held || known.Agent != agent) {
			return known, false
		}
		known.Held, known.Since = false, time.Now().UTC()
		return known, true
	})
	return err
}

// change replaces what is known of a device, and returns who has it then.
func (r *registry) change(ctx context.Context, key string, to func(Known) (Known, bool)) (holder string, err error) {
	const tries = 5 // another hub may change it at the same time
	for range tries {
		known, revision, err := r.get(ctx, key)
		if err != nil {
			return "", err
		}
		next, changed := to(known)
		if changed {
			err = r.put(ctx, key, next, revision)
		}
		if err == nil {
			if !next.Held {
				return "", nil
			}
			return next.Agent, nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) && !wrongRevision(err) {
			return "", err
		}
	}
	return "", fmt.Errorf("what is known of device %s changes all the time", key)
}

func wrongRevision(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// kept is the bucket.
func (r *registry) kept() (jetstream.KeyValue, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bucket == nil {
		return nil, errors.New("the hub is only starting")
	}
	return r.bucket, nil
}

func (r *registry) keep(bucket jetstream.KeyValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bucket = bucket
}

// get reads what is known of a device. The revision is 0 if nothing is.
func (r *registry) get(ctx context.Context, key string) (known Known, revision uint64, err error) {
	bucket, err := r.kept()
	if err != nil {
		return known, 0, err
	}
	entry, err := bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return known, 0, nil
	}
	if err != nil {
		return known, 0, err
	}
	return known, entry.Revision(), json.Unmarshal(entry.Value(), &known)
}

func (r *registry) put(ctx context.Context, key string, known Known, revision uint64) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	bucket, err := r.kept()
	switch {
	case err != nil:
	case revision == 0:
		_, err = bucket.Create(ctx, key, text)
	default:
		_, err = bucket.Update(ctx, key, text, revision)
	}
	return err
}

// devices are all devices that are known, in the order of their keys.
func (r *registry) devices(ctx context.Context) (all map[string]Known, err error) {
	bucket, err := r.kept()
	if err != nil {
		return nil, err
	}
	keys, err := bucket.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	all = map[string]Known{}
	for key := range keys.Keys() {
		known, revision, err := r.get(ctx, key)
		if err != nil {
			return nil, err
		}
		if revision != 0 {
			all[key] = known
		}
	}
	return all, nil
}

// fleet is what is known of these agents and of all devices.
func (r *registry) fleet(ctx context.Context, agents []string) (Fleet, error) {
	devices, err := r.devices(ctx)
	if err != nil {
		return Fleet{}, err
	}
	var f Fleet
	for _, key := range slices.Sorted(maps.Keys(devices)) {
		known := devices[key]
		known.Offered = r.offered(known.Agent, key)
		f.Devices = append(f.Devices, known)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, agent := range agents {
		f.Agents = append(f.Agents, Presence{agent, r.seen[agent].at})
	}
	return f, nil
}

// connected reports whether an agent was there a moment ago.
func (r *registry) connected(agent string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Presence{agent, r.seen[agent].at}.Now()
}

// release takes a device away from its agent. Stopped is the user's word that the agent
// does not drive it any more; an agent that is connected says so itself.
func (r *registry) release(ctx context.Context, name string, stopped bool) (string, error) {
	devices, err := r.devices(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for key, known := range devices {
		if strings.EqualFold(known.MAC, name) || known.Name == name {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no device is called %s: needwant hub status lists all", name)
	}
	if len(found) > 1 {
		return "", fmt.Errorf("%d devices are called %s: name one by its MAC address; needwant hub status lists them", len(found), name)
	}
	known := devices[found[0]]
	switch {
	case !known.Held:
		return fmt.Sprintf("No agent has %s.", name), nil
	case r.connected(known.Agent):
		return "", fmt.Errorf("agent %s has %s, and is connected: stop the agent there (Ctrl-C), which returns the device", known.Agent, name)
	case !stopped:
		return "", fmt.Errorf("agent %s has %s, and is not connected: it may be at work all the same. Stop it, or unplug the device there, and repeat this with --stopped", known.Agent, name)
	}
	return fmt.Sprintf("%s is free. Any agent may have it.", name), r.free(ctx, known.Agent, found[0], known.Device)
}
