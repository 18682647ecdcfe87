package names

// Waiting is how many streams have said nothing yet.
func (h *Hellos) Waiting() int { return len(h.begun) }
