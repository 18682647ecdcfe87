// Package dhcp gives the device its address, and gets the gateway one.
//
// [Serve] answers on the device's link with one fixed [Lease], to the device
// alone: it names the gateway as router and as resolver, so that whatever the
// device sends crosses the gateway. It can name a time server, too. [Ask] gets a lease for the gateway itself
// from the home's own server and keeps renewing it.
//
// Both speak RFC 2131 through github.com/insomniacslk/dhcp, inside a namespace.
package dhcp
