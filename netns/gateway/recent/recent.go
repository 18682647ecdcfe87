// Package recent has a map for what strangers choose the keys of. A [Map] has a
// limited size and forgets entries by their age, so that it cannot grow however
// many keys there are.
package recent

import "time"

// Map holds at most a number of entries, each for at most a time. It has two halves:
// a new entry goes into the younger one. When that is full, or half of the longest
// time has passed, it becomes the older one, and the older one is dropped. The zero
// Map cannot be used. It is not for several goroutines at once.
type Map[K comparable, V any] struct {
	most    int
	longest time.Duration
	young   map[K]V
	old     map[K]V
	began   time.Time // of the younger half
}

// New returns an empty map with room for at least half of most entries, and never
// more than most, each of which is kept for at least half of longest, unless there
// are too many.
func New[K comparable, V any](most int, longest time.Duration) *Map[K, V] {
	return &Map[K, V]{most: most, longest: longest, young: map[K]V{}, began: time.Now()}
}

// Put adds or replaces an entry. That begins its time again.
func (m *Map[K, V]) Put(key K, value V) {
	m.age()
	delete(m.old, key)
	if _, known := m.young[key]; !known && len(m.young) >= m.most/2 {
		m.turn()
	}
	m.young[key] = value
}

// Get returns the value of a key, and whether there is one.
func (m *Map[K, V]) Get(key K) (value V, known bool) {
	m.age()
	if value, known = m.young[key]; known {
		return value, true
	}
	value, known = m.old[key]
	return value, known
}

// Delete removes a key.
func (m *Map[K, V]) Delete(key K) {
	delete(m.young, key)
	delete(m.old, key)
}

// Clear removes every key.
func (m *Map[K, V]) Clear() { m.young, m.old, m.began = map[K]V{}, nil, time.Now() }

// Len is the number of entries.
func (m *Map[K, V]) Len() int {
	m.age()
	return len(m.young) + len(m.old)
}

// age drops what is too old.
func (m *Map[K, V]) age() {
	switch passed := time.Since(m.began); {
	case passed >= m.longest:
		m.Clear()
	case passed >= m.longest/2:
		m.turn()
	}
}

func (m *Map[K, V]) turn() { m.old, m.young, m.began = m.young, map[K]V{}, time.Now() }
