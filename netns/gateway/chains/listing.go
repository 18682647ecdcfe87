package chains

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// listings are the rules of whole tables, each listed when it is first asked
// for: on the legacy backend every look is at all of them, and a program for each
// chain is slow.
type listings struct {
	tables *Tables
	known  map[string]map[string][]string // by family and table, then by chain
}

// of are the rules of a chain, as iptables -S writes them. It runs inside the
// namespace.
func (l *listings) of(family Family, table, chain string) ([]string, error) {
	key := tableName(family, table)
	if rules, known := l.known[key]; known {
		return rules[chain], nil
	}
	rules, err := listTable(l.tables.paths[family], table)
	if errors.Is(err, errUnreadable) {
		return list(l.tables.commands[family], table, chain) // it may be another chain that iptables cannot show
	}
	if err != nil {
		return nil, fmt.Errorf("listing table %s: %w", key, err)
	}
	if l.known == nil {
		l.known = map[string]map[string][]string{}
	}
	l.known[key] = rules
	return rules[chain], nil
}

// errUnreadable is that of a table some chain of which iptables cannot show.
var errUnreadable = errors.New("iptables cannot show a chain of this table")

// listTable asks iptables for all chains of a table. A table that is gone has
// none.
func listTable(path, table string) (map[string][]string, error) {
	text, err := exec.Command(path, "-w", strconv.Itoa(lockSeconds), "-t", table, "-S").Output()
	if failure, ok := errors.AsType[*exec.ExitError](err); ok {
		said := strings.TrimSpace(string(failure.Stderr))
		if saysMissing(said) {
			return nil, nil
		}
		if saysUnreadable(said) {
			return nil, errUnreadable
		}
		return nil, explainedBy(fmt.Errorf("%w: %s", err, said), failure.ExitCode(), said)
	}
	rules := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "-A" {
			rules[fields[1]] = append(rules[fields[1]], strings.TrimRight(line, "\n"))
		}
	}
	return rules, err
}
