// Package page serves the page of a run under way to the browsers of a home: what
// happens now, and what is known so far.
//
// [Listen] opens the address, [Server.Links] says where the page is, and [Server.Serve]
// answers until the context ends. [Server.Show] gives the page something new to show. It
// costs nothing until somebody looks: a page is made when the first viewer asks for it,
// and all viewers get the same one.
//
// # Who may see it
//
// On loopback, anybody on this machine. Elsewhere, a link with a secret token opens the
// page: the token is exchanged for a cookie (HttpOnly, SameSite=Strict), so that it does
// not stay in the address. There may be a second token, whose cookie only shows.
//
// Each request is checked, in this order: how many requests its sender makes; that the
// Host is an address or this machine's own name, as a name that somebody else resolves
// to this machine is an attack (DNS rebinding); the cookie; and for what changes
// something, that the Origin is this page. A page loads nothing from elsewhere and runs
// no script except its own, by its Content-Security-Policy. Every name is escaped.
package page
