package search

// A world is so many times rarer for each answer that it contradicts: in a chain that is
// alone, and in each of several.
const usualPenalty = 10

var penalties = []float64{4, 16, 64, 256}

// penalty is how much likelier a world is for so many more contradictions, from -mostWorse to
// mostWorse.
type penalty [2*mostWorse + 1]float64

const mostWorse = 127 // 256 to this power is still a number

func penaltyOf(factor float64) *penalty {
	p, product := new(penalty), 1.0
	for worse := range mostWorse + 1 {
		p[mostWorse-worse], p[mostWorse+worse] = product, 1/product
		product *= factor
	}
	return p
}

func (p *penalty) of(worse int) float64 {
	return p[mostWorse+min(max(worse, -mostWorse), mostWorse)]
}

// power is a factor to a whole power.
func power(factor float64, exponent int) float64 {
	product := 1.0
	for range max(exponent, -exponent) {
		product *= factor
	}
	if exponent < 0 {
		return 1 / product
	}
	return product
}
