// Benchsearch measures package search on random systems, and other methods
// beside it, and prints what docs/design says of them. All numbers but the
// times are the same in every run.
//
//	go run ./harness/search/internal/benchsearch
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/needwant/needwant/harness/search/internal/peers"
)

func main() {
	if peers.IsDevice(os.Args) {
		works, err := peers.Device(os.Args, os.Stdout)
		if err != nil {
			fmt.Fprintln(os.Stderr, "benchsearch:", err)
		}
		if err != nil || !works {
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchsearch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	systems := flag.Int("systems", 500, "random systems in each row")
	only := flag.Bool("clock", false, "print only the table of devices that contact their destinations rarely")
	several := flag.Bool("several", false, "print only the table of devices that need several of a group")
	again := flag.Bool("recheck", false, "print only the table of known matrices that are tested again")
	person := flag.Bool("person", false, "print only the table of questions to a person")
	noise := flag.Bool("noise", false, "print only the table of answers that may be wrong")
	newcomers := flag.Bool("newcomers", false, "print only the table of destinations that appear while others are blocked")
	alone := flag.Bool("ours", false, "print only the table of the search alone")
	flag.Parse()
	b := bench{draws: *systems}
	if *alone {
		b.ours()
		return nil
	}
	if *noise {
		b.noise()
		return nil
	}
	if *newcomers {
		b.newcomers()
		return nil
	}
	if *several {
		b.several()
		return nil
	}
	if b.person(); *person {
		return nil
	}
	if b.recheck(); *again {
		return nil
	}
	b.clock()
	if *only {
		return nil
	}
	if err := b.compare(ctx); err != nil {
		return err
	}
	b.small()
	b.random()
	b.noise()
	b.lanes()
	b.together()
	b.several()
	b.newcomers()
	b.singles()
	b.times()
	return nil
}
