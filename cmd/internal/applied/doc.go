// Package applied holds the strongest specs of the exports: rules written by
// package reports/policy are loaded into a lab's gateway by the programs they
// are for, and the simulated device must go on working while nothing blocked
// gets through. There is nothing to import.
package applied
