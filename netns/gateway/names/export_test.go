package names

import "time"

// Waiting is the number of streams that have not shown a server name yet.
func (h *Hellos) Waiting() int { return h.begun.Len() }

// Size is the number of bytes that are kept of them.
func (h *Hellos) Size() int { return h.size }

// OperatorAddresses are those of all rows, as they are compared.
func OperatorAddresses() (all []string) {
	for _, o := range operators() {
		all = append(all, o.addresses...)
	}
	return all
}

// Silence records the queries that a resolver does not answer.
type Silence = silence

// Ask is ask.
func (s *silence) Ask(question Question) (end func(answered bool)) { return s.ask(question) }

// Since is since.
func (s *silence) Since(then time.Time) (late, silent []string) { return s.since(then) }
