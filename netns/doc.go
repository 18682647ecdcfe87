// Package netns holds a Linux network namespace as a value.
//
// [New] makes a [Namespace] that has no name and no mount: only a file
// descriptor of this process keeps it. When the descriptor is closed, or the
// process dies however it dies, the kernel takes the namespace away with every
// link, route, rule and set in it. That is why nothing here deletes a link.
//
// [Namespace.Do] runs a function inside. Whatever the function opens, as a
// socket or a netlink handle, stays in the namespace and may be used from
// anywhere afterwards. [Namespace.Dial], [Namespace.Listen] and
// [Namespace.ListenPacket] are that pattern for the usual sockets, and
// [Namespace.Command] for child processes. A goroutine that is started inside
// of Do is *not* in the namespace, and neither is what http.Transport or a
// resolver dials on one: give them [Namespace.Dial].
//
// [Veth] joins two namespaces by a cable; the Add methods give links their
// addresses and routes.
//
// All this needs CAP_NET_ADMIN and CAP_SYS_ADMIN. [Reexec] obtains them for a
// program that was not started by root, in a user namespace of its own.
package netns
