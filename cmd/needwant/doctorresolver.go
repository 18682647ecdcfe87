package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// resolverExaminations look whether the device uses this machine as its DNS server.
// What a gateway needs is not looked at.
func resolverExaminations(file scenarios.File, list scenarios.List) []examination {
	const more = "docs/placement.md says more"
	return []examination{
		{"secrets", func(context.Context) (finding, error) {
			return ok("all there"), bench.Ready(file, list, bench.Options{Ask: personAt(io.Discard, interactive(), nil, nil).asker()})
		}, more},
		{"placement", func(ctx context.Context) (finding, error) {
			where, err := bench.FindResolver(ctx, file)
			if err != nil {
				return finding{}, err
			}
			return ok(fmt.Sprintf("can answer DNS queries at %s, with the answers of %s; this machine's network is not changed", where.Listen, where.Upstream)), where.Ready(ctx)
		}, more},
		{"device", func(ctx context.Context) (finding, error) { return querying(ctx, file) }, more},
		{"limits", func(context.Context) (finding, error) { return note(harness.Blind), nil }, more},
	}
}

// querying looks whether the device queries the resolver.
func querying(ctx context.Context, file scenarios.File) (finding, error) {
	stand, err := openStand(ctx, nil, file, nil, standOptions{standFlags: standFlags{wait: doctorWait}, quiet: true})
	if err != nil {
		return finding{}, err
	}
	began := time.Now()
	seen, err := firstContacts(ctx, stand.bench.Gateway)
	if err := errors.Join(err, stand.close()); err != nil {
		return finding{}, err
	}
	if len(seen) == 0 {
		return finding{}, bench.Unused(time.Since(began))
	}
	return ok("queries this resolver, e.g. for " + seen[0].Destination.Name), nil
}
