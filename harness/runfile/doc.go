// Package runfile keeps one experiment in one file.
//
// [Create] starts a file and [File.Append] commits each trial to it: when
// Append returns, the trial is on the disk. [Load] reads a run for a report,
// also while it is still being written. [Open] takes an interrupted run up
// again and returns what was learnt so far; as the next trial is chosen from
// the results alone, resuming is replaying.
//
// # What is in the file
//
// A run file is an SQLite database in mode 0600, marked with an application id
// and a schema version. Its one real table is the journal: a run record, a
// result record for each trial in the order they ended, an order record each time that
// a person gave an order, and an end record each time the experiment stopped. Records are JSON and are never changed. What
// people ask for (run, trials, blocked, outcomes, steps, orders, contacts) are views
// over the journal, so that nothing is stored twice and no copy can disagree:
//
//	sqlite3 s50.run "SELECT trial, scenario, why FROM outcomes WHERE answer = 'fail'"
//
// # What it withstands
//
// The file uses a rollback journal with synchronous=EXTRA: after a SIGKILL or a
// power cut the next reader finds every committed trial, and nothing lies
// beside the file once it is closed. Each record carries the SHA-256 of itself
// and its predecessor, and a row of its own names the last one, so a file with
// flipped bits, missing pages or lost rows is refused rather than resumed
// wrongly. This guards against accidents, not against forgery: a run file may come
// from a stranger, with checksums that are right. So the two tables must be the ones
// that [Create] makes, and nothing else that the file defines is run. Whatever has a
// closed set of values, is a name or a count must be one that a run can have. A
// file has at most 128 MiB, a record 16 MiB. The same is required before anything is
// written.
//
// SQLite's own write lock is held for as long as a [File] is open, so that a
// run has one writer. Readers are never kept out by it.
//
// Every failure that has to do with the file is an [*Error], which says which
// file, what is wrong, and what to do about it.
package runfile
