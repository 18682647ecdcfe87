package chains

import (
	"fmt"
	"slices"
	"strings"
)

// placed is a chain of ours as the kernel showed it once it was written.
type placed struct {
	Chain
	family Family
	lines  []string
}

// head is the beginning of one of the kernel's chains: our jumps.
type head struct {
	family      Family
	table, from string
	count       int
	lines       []string
}

func (h head) String() string { return fmt.Sprintf("%s %s in %s", h.family, h.from, h.table) }

// remember keeps how the kernel shows what was just written. It runs inside the
// namespace.
func (t *Tables) remember(family Family, chains []Chain) error {
	found := listings{tables: t}
	for _, chain := range chains {
		lines, err := found.of(family, chain.Table, chain.Name)
		if err != nil {
			return err
		}
		t.chains = append(t.chains, placed{chain, family, lines})
		for _, hook := range chain.Hooks {
			t.headOf(family, chain.Table, hook.From).count++
		}
	}
	for _, head := range t.heads {
		if head.lines != nil && len(head.lines) == head.count {
			continue
		}
		lines, err := found.of(head.family, head.table, head.from)
		if err != nil {
			return err
		}
		if len(lines) < head.count {
			return fmt.Errorf("%s: another program removed rules while ours were written: is a firewall loading its rules? Try again when it is done", head)
		}
		head.lines = lines[:head.count]
	}
	return nil
}

// refresh keeps how the kernel shows a chain that its owner has changed.
func (t *Tables) refresh(family Family, table, chain string) (err error) {
	for i, known := range t.chains {
		if known.family == family && known.Table == table && known.Name == chain {
			t.chains[i].lines, err = list(t.commands[family], table, chain)
		}
	}
	return err
}

// forget drops chains that are no more, and the jumps to them.
func (t *Tables) forget(family Family, chains []Chain) {
	for _, gone := range chains {
		t.chains = slices.DeleteFunc(t.chains, func(known placed) bool {
			return known.family == family && known.Table == gone.Table && known.Name == gone.Name
		})
		for _, hook := range gone.Hooks {
			head := t.headOf(family, gone.Table, hook.From)
			head.count--
			head.lines = slices.DeleteFunc(head.lines, func(line string) bool { return strings.HasSuffix(line, "-j "+gone.Name) })
		}
	}
}

func (t *Tables) headOf(family Family, table, from string) *head {
	for _, head := range t.heads {
		if head.family == family && head.table == table && head.from == from {
			return head
		}
	}
	t.heads = append(t.heads, &head{family: family, table: table, from: from})
	return t.heads[len(t.heads)-1]
}

// Check says in words how the installed chains differ from what was written, as
// "IPv4 FORWARD in filter: … stands before the jump …", and "" when
// they do not. It costs one message to the kernel as long as nobody changes any
// rule.
func (t *Tables) Check() (problem string, err error) { return t.CheckWith("", nil) }

// CheckWith leaves the rules of one chain to its owner, who changes them: own gets them as
// iptables -S writes them, and says what is wrong with them.
func (t *Tables) CheckWith(chain string, own func(family Family, lines []string) (problem string)) (problem string, err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now, err := t.generation()
	if err != nil {
		return "", err
	}
	if now != 0 && now == t.verified {
		return "", nil
	}
	err = t.namespace.Do(func() error {
		problem, err = t.checkAll(chain, own)
		return err
	})
	if problem == "" && err == nil {
		t.verified = now
	}
	return problem, err
}

// checkAll lists each table once, and ends at the first problem. It runs inside the namespace.
func (t *Tables) checkAll(except string, own func(Family, []string) string) (problem string, err error) {
	found := listings{tables: t}
	for _, chain := range t.chains {
		lines, err := found.of(chain.family, chain.Table, chain.Name)
		if err != nil {
			return "", err
		}
		check := chain.check
		if chain.Name == except {
			check = func(lines []string) string { return own(chain.family, lines) }
		}
		if problem = check(lines); problem != "" {
			return problem, nil
		}
	}
	for _, head := range t.heads {
		lines, err := found.of(head.family, head.table, head.from)
		if err != nil {
			return "", err
		}
		if problem = head.check(lines); problem != "" {
			return problem, nil
		}
	}
	return "", nil
}

func (c placed) check(lines []string) (problem string) {
	if slices.Equal(lines, c.lines) {
		return ""
	}
	where := fmt.Sprintf("%s chain %s in %s was changed from outside", c.family, c.Name, c.Table)
	for _, want := range c.lines {
		if !slices.Contains(lines, want) {
			return fmt.Sprintf("%s: the rule %q is gone", where, want)
		}
	}
	for _, line := range lines {
		if !slices.Contains(c.lines, line) {
			return fmt.Sprintf("%s: the rule %q is not ours", where, line)
		}
	}
	return where + ": its rules are in another order"
}

// check says why a chain of the kernel does not begin with our jumps.
func (h head) check(lines []string) (problem string) {
	for i, jump := range h.lines {
		switch {
		case !slices.Contains(lines, jump):
			return fmt.Sprintf("%s: the jump %q is gone", h, jump)
		case i >= len(lines):
			return fmt.Sprintf("%s: a jump %q is gone", h, jump)
		case lines[i] != jump:
			return fmt.Sprintf("%s: %q stands before the jump %q", h, lines[i], jump)
		}
	}
	return ""
}
