// Package scenarios checks, as a device's owner would, that the device works.
//
// A [Spec] is one scenario as it is written: a name and a list of steps. A
// [Step] is one [Action], as a command given over miIO, with an expectation on
// what comes back. [Kinds] is the table of all kinds of action, each with its
// manual. An [Engine] has what actions need to reach the world from where it
// stands: [Engine.Scenario] makes a Spec into a [harness.Scenario], which the
// experiment runs again and again.
//
// A step that could not be carried out teaches nothing of the device, and is
// [harness.Inconclusive]; it fails only when the device, or its cloud, did not
// do what was expected. Expectations are written in the language of
// https://expr-lang.org/docs/language-definition over the fields of the kind's
// result. They are compiled when the scenario is made, so that a misspelt field
// is found before any experiment.
//
// [NativeApp], [HomeAssistant] and [Remote] are specs that are ready for use.
package scenarios
