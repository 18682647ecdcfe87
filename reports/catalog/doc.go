// Package catalog merges what many homes found out about many devices into one
// list.
//
// [New] takes from a run what is worth sharing, and nothing that says whose it
// is: an [Evidence] names a model, a firmware, a region, and the verdicts.
// [Evidence.Write] keeps it in a file of its own, below model, firmware and
// region, so that a directory of them lives well in a git repository. [Load]
// reads such a directory and refuses what is malformed or gives somebody away.
//
// [Merge] puts the evidence on each model side by side. Where it agrees the
// verdict counts its witnesses; where it does not, each verdict is shown with
// the firmware and region that it was found with. Nothing is averaged: two
// firmwares may well need different things.
//
// [Site] writes static pages, and [Forum] the table that the forum asked for.
package catalog
