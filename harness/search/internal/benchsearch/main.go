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

func run(ctx context.Context) (err error) {
	var b bench
	flag.IntVar(&b.draws, "systems", 500, "random systems in each row")
	tables := []struct {
		name, about string
		print       func()
		chosen      *bool
	}{
		{name: "ours", about: "of the search alone, which is not printed otherwise", print: func() { b.ours() }},
		{name: "person", about: "of questions to a person", print: func() { b.person() }},
		{name: "recheck", about: "of known matrices that are tested again", print: func() { b.recheck() }},
		{name: "clock", about: "of devices that contact their destinations rarely", print: func() { b.clock() }},
		{name: "compare", about: "of other methods", print: func() { err = b.compare(ctx) }},
		{name: "small", about: "of the optimum for few destinations", print: func() { b.small() }},
		{name: "bounds", about: "of a lower bound of that", print: func() { b.bounds() }},
		{name: "random", about: "of systems of every shape", print: func() { b.random() }},
		{name: "noise", about: "of answers that may be wrong", print: func() { b.noise() }},
		{name: "lanes", about: "of several devices at once", print: func() { b.lanes() }},
		{name: "together", about: "of several scenarios", print: func() { b.together() }},
		{name: "several", about: "of devices that need several of a group", print: func() { b.several() }},
		{name: "newcomers", about: "of destinations that appear while others are blocked", print: func() { b.newcomers() }},
		{name: "singles", about: "of devices without alternatives", print: func() { b.singles() }},
		{name: "times", about: "of how long a question takes to plan", print: func() { b.times() }},
	}
	for i, t := range tables {
		tables[i].chosen = flag.Bool(t.name, false, "print the table "+t.about)
	}
	flag.Parse()
	chosen := false
	for _, t := range tables {
		chosen = chosen || *t.chosen
	}
	for _, t := range tables {
		if *t.chosen || !chosen && t.name != "ours" {
			if t.print(); err != nil {
				return err
			}
		}
	}
	return nil
}
