package scenarios

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
)

// claim is what a check keeps other checks from using while it runs.
type claim struct {
	alone bool     // everything: no other check runs at the same time
	uses  []string // resources, for example "tcp 192.168.50.10:6668"
	suite *suite   // columns of one suite share one run, and so never exclude each other; nil if there is none
}

// add claims what a step of the check uses, too.
func (c *claim) add(step claim) {
	c.alone = c.alone || step.alone
	c.uses = append(c.uses, step.uses...)
	c.suite = cmp.Or(c.suite, step.suite)
}

// excludes reports whether two checks must not run at the same time.
func (c claim) excludes(other claim) bool {
	if c.suite != nil && c.suite == other.suite {
		return false
	}
	return c.alone || other.alone || slices.ContainsFunc(c.uses, func(resource string) bool {
		return slices.Contains(other.uses, resource)
	})
}

// turns lets checks that exclude each other run one after another, first come,
// first served. A nil *turns excludes nothing.
type turns struct {
	mutex sync.Mutex
	queue []*turn // running and waiting checks, in the order in which they came
}

// connection claims a port, given as host and port, for one protocol. Many
// devices serve a single connection at a time. A server on the internet serves
// any number, and a broker is there for many.
func connection(protocol, address string) claim {
	if !atHome(bare(address)) {
		return claim{}
	}
	return claim{uses: []string{protocol + " " + strings.ToLower(address)}}
}

// turn is the place of one check in the queue.
type turn struct {
	claim claim
	begun bool
	begin chan struct{} // closed when the check may run
}

// take waits until no earlier check excludes this one. The caller must call end
// when the check is over. The error is that of a ctx that ended meanwhile.
func (t *turns) take(ctx context.Context, claim claim) (end func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	mine := &turn{claim: claim, begin: make(chan struct{})}
	t.mutex.Lock()
	t.queue = append(t.queue, mine)
	t.advance()
	free := mine.begun
	t.mutex.Unlock()
	end = func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.queue = slices.DeleteFunc(t.queue, func(other *turn) bool { return other == mine })
		t.advance()
	}
	if free {
		return end, nil
	}
	select {
	case <-mine.begin:
		return end, nil
	case <-ctx.Done():
		end()
		return func() {}, ctx.Err()
	}
}

// advance begins every check that no earlier one excludes. A later check that
// has begun already was not excluded by any earlier one, so only those count.
func (t *turns) advance() {
	for i, next := range t.queue {
		excluded := slices.ContainsFunc(t.queue[:i], func(earlier *turn) bool { return earlier.claim.excludes(next.claim) })
		if !next.begun && !excluded {
			next.begun = true
			close(next.begin)
		}
	}
}
