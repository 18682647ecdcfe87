package chains

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// script is what iptables-restore reads to write chains that do not exist yet: first all
// chains with their rules, then the jumps to them, so that no packet meets a
// half-written one. What is between the name of a table and COMMIT is written as a whole.
func script(chains []Chain) []string {
	return scriptOf(chains, [][]func(Chain) []Rule{{create, fill}, {hook}})
}

// undoing is what it reads to take chains away again, the jumps first.
func undoing(chains []Chain) []string {
	return scriptOf(chains, [][]func(Chain) []Rule{{unhook}, {empty, drop}})
}

// scriptOf has the parts one after another, each with all tables.
func scriptOf(chains []Chain, parts [][]func(Chain) []Rule) (lines []string) {
	for _, part := range parts {
		for _, table := range tables {
			var commands []string
			for _, step := range part {
				for _, chain := range chains {
					if chain.Table != table.name {
						continue
					}
					for _, command := range step(chain) {
						commands = append(commands, command.quoted())
					}
				}
			}
			if len(commands) > 0 {
				lines = append(lines, "*"+table.name)
				lines = append(lines, commands...)
				lines = append(lines, "COMMIT")
			}
		}
	}
	return lines
}

func create(chain Chain) []Rule { return []Rule{{"-N", chain.Name}} }

func fill(chain Chain) (commands []Rule) {
	for _, rule := range chain.Rules {
		commands = append(commands, append(Rule{"-A", chain.Name}, rule...))
	}
	return commands
}

func hook(chain Chain) (commands []Rule) {
	position := map[string]int{}
	for _, hook := range chain.Hooks {
		position[hook.From]++
		commands = append(commands, append(Rule{"-I", hook.From, strconv.Itoa(position[hook.From])}, marked(hook.jump(chain))...))
	}
	return commands
}

func unhook(chain Chain) (commands []Rule) {
	for _, hook := range chain.Hooks {
		commands = append(commands, append(Rule{"-D", hook.From}, marked(hook.jump(chain))...))
	}
	return commands
}

func empty(chain Chain) []Rule { return []Rule{{"-F", chain.Name}} }

func drop(chain Chain) []Rule { return []Rule{{"-X", chain.Name}} }

// Rewrite replaces all rules of an installed chain at once: no packet meets a part of them.
func (t *Tables) Rewrite(family Family, table, chain string, rules []Rule) error {
	return t.edit(family, table, append([]Rule{{"-F", chain}}, fill(Chain{Name: chain, Rules: rules})...))
}

// Extend adds rules to an installed chain, all or none.
func (t *Tables) Extend(family Family, table, chain string, rules []Rule) error {
	return t.edit(family, table, fill(Chain{Name: chain, Rules: rules}))
}

func (t *Tables) edit(family Family, table string, commands []Rule) error {
	script := []string{"*" + table}
	for _, command := range commands {
		script = append(script, command.quoted())
	}
	err := t.namespace.Do(func() error { return t.restore(family, append(script, "COMMIT")) })
	if err != nil {
		return fmt.Errorf("%s rules: %w", family, err)
	}
	return nil
}

// quoted writes a rule so that iptables-restore reads the same words.
func (r Rule) quoted() string {
	words := make([]string, len(r))
	for i, word := range r {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\"'\\") {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
		}
	}
	return strings.Join(words, " ")
}

// failedLine is how iptables-restore names the line that it could not carry out.
var failedLine = regexp.MustCompile(`line:? (\d+)`)

// restore has iptables-restore carry out a script, and leaves all other rules as they
// are. One process for each rule would take a hundred times as long. It runs inside the
// namespace.
func (t *Tables) restore(family Family, script []string) error {
	command := exec.Command(t.paths[family]+restorer, "--noflush", "-w", strconv.Itoa(lockSeconds))
	command.Stdin = strings.NewReader(strings.Join(script, "\n") + "\n")
	text, err := command.CombinedOutput()
	failure, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	said := strings.TrimSpace(string(text))
	err = fmt.Errorf("%w: %s", err, said)
	if found := failedLine.FindStringSubmatch(said); found != nil {
		if number, wrong := strconv.Atoi(found[1]); wrong == nil && 0 < number && number <= len(script) {
			err = fmt.Errorf("%q: %w", script[number-1], err)
		}
	}
	return explainedBy(err, failure.ExitCode(), said)
}
