package chains

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// saver ends the name of the program that lists all tables of a family at once.
const saver = "-save"

// listings are the rules of whole tables, each listed when it is first asked
// for: on the legacy backend every look is at all of them, and a program for each
// chain is slow. The nft backend, which takes no lock, lists all tables at once.
type listings struct {
	tables *Tables
	known  map[string]listing // by family and table
	all    map[Family]bool    // the families that were listed at once
}

// listing are the rules of a table, by chain, or the reason that there are none.
type listing struct {
	rules map[string][]string
	err   error
}

// of are the rules of a chain, as iptables -S writes them. It runs inside the
// namespace.
func (l *listings) of(family Family, table, chain string) ([]string, error) {
	found, err := l.table(family, table)
	if errors.Is(err, errUnreadable) {
		return list(l.tables.commands[family], table, chain) // it may be another chain that iptables cannot show
	}
	if err != nil {
		return nil, fmt.Errorf("listing table %s: %w", tableName(family, table), err)
	}
	return found[chain], nil
}

func (l *listings) table(family Family, table string) (map[string][]string, error) {
	if l.known == nil {
		l.known, l.all = map[string]listing{}, map[Family]bool{}
	}
	key := tableName(family, table)
	switch _, known := l.known[key]; {
	case known || l.all[family]:
	case l.tables.legacy:
		text, err := output(l.tables.paths[family], "-w", strconv.Itoa(lockSeconds), "-t", table, "-S")
		l.known[key] = listing{rulesOf(text), err}
	default:
		text, err := output(l.tables.paths[family] + saver)
		if err != nil {
			return nil, err
		}
		l.all[family] = true
		for name, listed := range saved(text) {
			l.known[tableName(family, name)] = listed
		}
	}
	return l.known[key].rules, l.known[key].err
}

// unreadableTable is how iptables-save says that it cannot show some chain of a table.
var unreadableTable = regexp.MustCompile("(?m)^# Table [`']([a-z]+)' is incompatible")

// saved reads what iptables-save writes: after the name of each table its chains and rules.
func saved(text string) map[string]listing {
	tables := map[string]listing{}
	for part := range strings.SplitSeq("\n"+text, "\n*") {
		name, rules, _ := strings.Cut(part, "\n")
		tables[name] = listing{rules: rulesOf(rules)}
	}
	for _, found := range unreadableTable.FindAllStringSubmatch(text, -1) {
		tables[found[1]] = listing{err: errUnreadable}
	}
	return tables
}

// errUnreadable is that of a table some chain of which iptables cannot show.
var errUnreadable = errors.New("iptables cannot show a chain of this table")

// output is what one of the iptables programs prints about tables. A table that is gone has
// no rules.
func output(program string, arguments ...string) (string, error) {
	text, err := exec.Command(program, arguments...).Output()
	if failure, ok := errors.AsType[*exec.ExitError](err); ok {
		said := strings.TrimSpace(string(failure.Stderr))
		if saysMissing(said) {
			return "", nil
		}
		if saysUnreadable(said) {
			return "", errUnreadable
		}
		return "", explainedBy(fmt.Errorf("%w: %s", err, said), failure.ExitCode(), said)
	}
	return string(text), err
}

// rulesOf are the rules in a listing of one table, by chain.
func rulesOf(text string) map[string][]string {
	rules := map[string][]string{}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "-A" {
			rules[fields[1]] = append(rules[fields[1]], strings.TrimRight(line, "\n"))
		}
	}
	return rules
}
