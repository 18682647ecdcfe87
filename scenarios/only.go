package scenarios

import (
	"path/filepath"
	"strconv"

	"github.com/needwant/needwant/internal/yamlfile"
)

// checkOnly refuses a block list without a file, and faults that block more than the
// names on it: other names may have the same addresses.
func (b Block) checkOnly() *yamlfile.Flaw {
	if b.Only == nil {
		return nil
	}
	if b.Only.List == "" {
		return yamlfile.FlawAt(keys("block", "only"), "write only: {list: blocklist.txt}", "there is no block list")
	}
	for i, fault := range b.Faults {
		if fault == "reject" || fault == "drop" {
			return yamlfile.FlawAt(keys("block", "faults", strconv.Itoa(i)), "write nxdomain, or delete the line",
				"a block list blocks names, and %s blocks addresses, which other names may have, too", fault)
		}
	}
	return nil
}

// OnlyList is the path of the block list whose names alone are tested; "" if there is
// none.
func (f File) OnlyList() string {
	if f.Block.Only == nil {
		return ""
	}
	if filepath.IsAbs(f.Block.Only.List) {
		return f.Block.Only.List
	}
	return filepath.Join(f.folder, f.Block.Only.List)
}
