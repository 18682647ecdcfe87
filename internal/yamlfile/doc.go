// Package yamlfile reads the YAML files that people write for needwant, and says
// of a bad one what is wrong, where, and what to do about it.
//
// A [Format] is a sort of file, as worlds are. It opens a text as a [Document];
// [Document.Shape] checks the tree against a Go type before anything is decoded,
// since the YAML package's own errors neither suggest a key nor place a bad
// address; [Document.Locate] finds the place of a [Flaw], which is a mistake in
// the meaning. Every error is an [*Error].
package yamlfile
