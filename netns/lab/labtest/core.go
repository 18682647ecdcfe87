package labtest

import (
	"slices"

	"github.com/needwant/needwant/netns/lab"
)

// Core are the worlds of the library that the experiment must be right about in
// every way it can be made: with each driver and fault, over both families, on
// several lanes. Each of the others shows one thing that somebody met on a real
// device, and is tried in the way that shows it.
func Core() []lab.World {
	names := []string{"s50-thread", "all-optional", "one-of-each", "fallbacks", "boot-only", "not-monotone"}
	return slices.DeleteFunc(lab.Library(), func(w lab.World) bool { return !slices.Contains(names, w.Name) })
}

// Peculiar are the others.
func Peculiar() []lab.World {
	core := Core()
	return slices.DeleteFunc(lab.Library(), func(w lab.World) bool {
		return slices.ContainsFunc(core, func(other lab.World) bool { return other.Name == w.Name })
	})
}
