package talk

import "sync"

// Watch sums up what a device and its controller sent each other since it began. It is
// safe for use by many goroutines.
type Watch struct {
	list   func(want func(Flow) bool) ([]Flow, error)
	where  Topology
	before []Flow

	mutex   sync.Mutex
	outside bool // the device exchanged packets with hosts outside of the home
}

// Begin begins to watch. List returns the connections that a gateway tracks, of those
// that want accepts.
func Begin(list func(want func(Flow) bool) ([]Flow, error), where Topology) (*Watch, error) {
	before, err := list(where.Matters)
	if err != nil {
		return nil, err
	}
	return &Watch{list: list, where: where, before: before}, nil
}

// Look returns what was exchanged so far. A device has many connections to the
// internet: once packets came from there, these are not listed any more.
func (w *Watch) Look() (Exchange, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	want := w.where.Matters
	if w.outside {
		want = w.where.talks
	}
	after, err := w.list(want)
	if err != nil {
		return Exchange{}, err
	}
	seen := Between(Since(w.before, after), w.where, w.outside)
	w.outside = seen.Outside
	return seen, nil
}
