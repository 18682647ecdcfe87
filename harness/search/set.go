package search

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Set is an immutable set of destinations, each a small index from 0 up. The
// zero value is the empty set. Two equal sets are deeply equal.
type Set struct {
	words []uint64 // bit i of word w stands for destination 64w+i; the last word is never 0
}

// Of is the set of these members, each 0 or more.
func Of(members ...int) Set {
	if len(members) == 0 {
		return Set{}
	}
	words := make([]uint64, slices.Max(members)/64+1)
	for _, x := range members {
		words[x/64] |= 1 << (x % 64)
	}
	return trimmed(words)
}

// All is the set {0 … n-1}.
func All(n int) Set {
	words := make([]uint64, (n+63)/64)
	for x := range n {
		words[x/64] |= 1 << (x % 64)
	}
	return trimmed(words)
}

// trimmed keeps the invariant that the last word is never 0.
func trimmed(words []uint64) Set {
	n := len(words)
	for n > 0 && words[n-1] == 0 {
		n--
	}
	if n == 0 {
		return Set{}
	}
	return Set{words[:n]}
}

// word is the w-th word, 0 beyond the last.
func (s Set) word(w int) uint64 {
	if w < len(s.words) {
		return s.words[w]
	}
	return 0
}

// Has reports whether x is a member.
func (s Set) Has(x int) bool { return s.word(x/64)&(1<<(x%64)) != 0 }

// IsEmpty reports whether there is no member.
func (s Set) IsEmpty() bool { return len(s.words) == 0 }

// Len is the number of members.
func (s Set) Len() int {
	n := 0
	for _, word := range s.words {
		n += bits.OnesCount64(word)
	}
	return n
}

// Union holds the members of either.
func (s Set) Union(other Set) Set {
	words := make([]uint64, max(len(s.words), len(other.words)))
	for w := range words {
		words[w] = s.word(w) | other.word(w)
	}
	return trimmed(words)
}

// Minus holds the members of s that are not in other.
func (s Set) Minus(other Set) Set {
	words := make([]uint64, len(s.words))
	for w := range words {
		words[w] = s.words[w] &^ other.word(w)
	}
	return trimmed(words)
}

// Intersect holds the members of both.
func (s Set) Intersect(other Set) Set {
	words := make([]uint64, min(len(s.words), len(other.words)))
	for w := range words {
		words[w] = s.words[w] & other.words[w]
	}
	return trimmed(words)
}

// With is s and the members given.
func (s Set) With(members ...int) Set { return s.Union(Of(members...)) }

// Without is s except for the members given.
func (s Set) Without(members ...int) Set { return s.Minus(Of(members...)) }

// SubsetOf reports whether each member of s is one of other's; equal sets are
// subsets of each other.
func (s Set) SubsetOf(other Set) bool {
	if len(s.words) > len(other.words) {
		return false
	}
	for w, word := range s.words {
		if word&^other.words[w] != 0 {
			return false
		}
	}
	return true
}

// Intersects reports whether the two share a member.
func (s Set) Intersects(other Set) bool {
	for w := range min(len(s.words), len(other.words)) {
		if s.words[w]&other.words[w] != 0 {
			return true
		}
	}
	return false
}

// Equal reports whether both have the same members.
func (s Set) Equal(other Set) bool { return slices.Equal(s.words, other.words) }

// Compare orders sets by size, then by their members: {3} before {0 1} before
// {0 2}.
func (s Set) Compare(other Set) int {
	return cmp.Or(cmp.Compare(s.Len(), other.Len()), slices.Compare(s.Members(), other.Members()))
}

// Members lists the members, ascending.
func (s Set) Members() []int {
	members := make([]int, 0, s.Len())
	for w, word := range s.words {
		for ; word != 0; word &= word - 1 {
			members = append(members, 64*w+bits.TrailingZeros64(word))
		}
	}
	return members
}

// String is the set as "{0 3 5}".
func (s Set) String() string {
	var text strings.Builder
	text.WriteByte('{')
	for i, x := range s.Members() {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(strconv.Itoa(x))
	}
	text.WriteByte('}')
	return text.String()
}
