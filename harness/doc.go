// Package harness runs the experiment: which of a device's destinations does a
// function need, and which does the device merely want?
//
// A [Destination] is what the device contacts. A [Scenario] is something its
// owner cares about. A [Trial] blocks a set of destinations, a [Lane] carries
// the trial out and returns a [Result], and [Experiment.Run] chooses trials
// until every scenario is explained. [Judge] reads verdicts from the results
// afterwards, never during, so that a run file can be judged again at any time.
//
// Everything here is a value or talks to one: the package makes no system
// calls. The gateway that blocks and observes is behind [Gateway]; package
// netns/gateway provides it. In this package an error always means that
// something could not be carried out. A device that stopped working is an
// [Outcome], never an error.
package harness
