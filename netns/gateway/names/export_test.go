package names

// Waiting is how many streams have said nothing yet.
func (h *Hellos) Waiting() int { return len(h.begun) }

// OperatorAddresses are those of all rows, as they are compared.
func OperatorAddresses() (all []string) {
	for _, o := range operators() {
		all = append(all, o.addresses...)
	}
	return all
}
