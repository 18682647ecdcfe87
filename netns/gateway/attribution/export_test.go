package attribution

// NewNameTable returns a table of names without a lock.
func NewNameTable() *nameTable { return newNameTable() }
