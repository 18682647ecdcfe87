package names

import "time"

// Waiting is how many streams have said nothing yet.
func (h *Hellos) Waiting() int { return len(h.begun) }

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
func (s *silence) Since(then time.Time) []string { return s.since(then) }
