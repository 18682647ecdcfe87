package chains

import "github.com/mdlayher/netlink"

// ParseFlowTables reads the kernel's answers, which not every kernel gives.
func ParseFlowTables(replies []netlink.Message) []string { return flowTables(replies) }
