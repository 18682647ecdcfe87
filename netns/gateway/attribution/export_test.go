package attribution

// NewNameTable returns a table of names without a lock, of which none is needed.
func NewNameTable() *nameTable { return newNameTable(func(string) bool { return false }) }

// Sizes are how many names, addresses with a name, and addresses with evidence a
// table has.
func (t *Table) Sizes() (names, addresses, witnessed int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.names.names), len(t.names.addresses), len(t.evidence)
}

// Ports are how many hosts' ports are counted, and how many hosts have their ports
// joined.
func (t *Table) Ports() (counted, joined int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.ports.seen), len(t.ports.joined)
}

// Owned is how many entries are blocked for a destination.
func (t *Table) Owned() int { return len(t.blocked.owners) }

// Proof is how much evidence there is for all addresses.
func (t *Table) Proof() (counted, held int) {
	for _, all := range t.evidence {
		held += len(all)
	}
	return t.proof, held
}
