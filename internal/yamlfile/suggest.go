package yamlfile

import (
	"fmt"
	"strings"
)

// Suggest says which of the known words was probably meant, or lists them all. The
// beginning of a single one means that one.
func Suggest(word string, known []string) string {
	word = word[:min(len(word), 100)]
	var longer []string
	for _, candidate := range known {
		if word != "" && strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(word)) {
			longer = append(longer, candidate)
		}
	}
	if len(longer) == 1 {
		return fmt.Sprintf("did you mean %q?", longer[0])
	}
	best, distance := "", len(word)/2+1
	for _, candidate := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known are " + strings.Join(known, ", ")
}

// editDistance counts the letters to insert, delete, replace, or swap with
// their neighbour, that make one word the other.
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
