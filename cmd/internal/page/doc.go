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
// Each request is checked, in this order:
//   - the number of requests that its sender makes;
//   - the Host, which must be an address or this machine's own name. Any other name that
//     resolves to this machine is an attack (DNS rebinding);
//   - the cookie;
//   - if the request changes something, the Origin, which must be this page.
//
// A page loads nothing from elsewhere and runs
// no script except its own, by its Content-Security-Policy. Every name is escaped.
package page
