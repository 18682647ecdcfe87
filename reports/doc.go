// Package reports turns a judged run into something to read, to post or to
// process.
//
// [New] makes a [Matrix] of a run and its judgement: destinations down,
// scenarios across, a verdict with its evidence in each cell. The Matrix is the
// canonical form, and its JSON is what other programs may rely on. [NewReport]
// adds what a page to look at can also show: the trials, what was observed, and
// the settings. [Render] writes a [Report] in one of the [Formats]; each of them
// but [HTML] sees nothing but the Matrix, so a new format is a function and a
// line in the table. [Compare] tells what changed between two matrices.
//
// What a device calls itself, and the names it looks up, are written by
// strangers. [Matrix] keeps them as they are; every renderer makes them harmless
// in its own way, on top of [Clean], which shows what would not be seen.
//
// The package needs no device and no privileges: a run file is enough.
package reports
