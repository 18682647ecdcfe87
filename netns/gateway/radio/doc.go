// Package radio has to do with Wi-Fi: it moves radios between network namespaces,
// and opens a Wi-Fi on one.
//
// The kernel moves no link of Wi-Fi alone: a [Radio] goes with all the links that
// it has. [Abilities] are what its driver lets anybody do with it.
//
// [Network] says which Wi-Fi there shall be, and for which device; an [AccessPoint] is
// one that hostapd keeps open, until Close.
package radio
