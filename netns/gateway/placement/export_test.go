package placement

// Lifeline looks whether the machine lives by its link inside.
func (p *Plan) Lifeline() error {
	link, err := p.linkNamed("inside", p.config.Inside)
	if err != nil {
		return err
	}
	return p.checkLifeline(link, p.config.Kind == AP)
}
