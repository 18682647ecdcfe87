package main

import (
	"bufio"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// BenchmarkViewers compares trials that nobody watches with trials that 20 viewers watch on
// the page, in turns, in pairs. It fails if those with viewers take longer, beyond the
// interval of 95 % of their mean difference.
func BenchmarkViewers(b *testing.B) {
	const pairs, viewers = 20, 20
	ctx := context.Background()
	world, err := lab.Find("s50-thread")
	if err != nil {
		b.Fatal(err)
	}
	run := lablane.NewRun(world, harness.Settings{})
	lane, err := lablane.Start(ctx, run, world, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = lane.Close() }()
	flags := webFlags{address: onLoopback}
	web, err := flags.open(ctx, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer web.close()
	tell, step := web.follow(run)
	lane.Tell = step
	number := 0
	trial := func(block ...harness.Destination) time.Duration {
		number++
		asked := harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}
		tell(harness.Event{Kind: harness.Began, Lane: 1, Trial: &asked})
		started := time.Now()
		result, err := lane.Run(ctx, asked)
		took := time.Since(started)
		if err != nil {
			b.Fatal(err)
		}
		tell(harness.Event{Kind: harness.Ended, Lane: 1, Result: &result})
		return took
	}
	trial() // the control shows what the device contacts
	var all []harness.Destination
	for _, d := range world.Destinations {
		all = append(all, harness.Destination{Protocol: d.Protocol, Port: d.Port, Name: d.Host})
	}
	for b.Loop() {
		var fetched atomic.Int64 // bytes of pages
		var differences, unwatched []float64
		for pair := range pairs {
			var took [2]time.Duration // without viewers, and with them
			for turn := range 2 {
				with := (pair + turn) % 2
				stop := follow(ctx, web.server.Links().Control, viewers*with, &fetched)
				took[with] = trial(all[pair%len(all)])
				stop()
			}
			differences = append(differences, (took[1]-took[0]).Seconds()*1000)
			unwatched = append(unwatched, took[0].Seconds()*1000)
		}
		longer, interval := meanOf(differences)
		usual, _ := meanOf(unwatched)
		b.ReportMetric(usual, "ms/trial")
		b.ReportMetric(longer, "ms-longer-with-viewers")
		b.ReportMetric(interval, "±ms")
		b.ReportMetric(float64(fetched.Load())/1e6, "MB-fetched")
		if fetched.Load() == 0 {
			b.Error("nobody watched")
		}
		if longer > interval {
			b.Errorf("trials take %.0f ms longer with %d viewers, ± %.0f", longer, viewers, interval)
		}
	}
}

// meanOf is the mean of some values, and half of its interval of 95 %.
func meanOf(values []float64) (mean, interval float64) {
	n := float64(len(values))
	for _, value := range values {
		mean += value / n
	}
	variance := 0.0
	for _, value := range values {
		variance += (value - mean) * (value - mean) / (n - 1)
	}
	return mean, 1.96 * math.Sqrt(variance/n)
}

// follow has viewers fetch the page each time that it changes, each from an address of its
// own, until stop is called. What they fetch is counted.
func follow(ctx context.Context, page string, viewers int, fetched *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range viewers {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}}
		transport := &http.Transport{DialContext: dialer.DialContext}
		client := http.Client{Transport: transport}
		get := func(address string) io.ReadCloser {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
			if err != nil {
				return http.NoBody
			}
			answer, err := client.Do(request)
			if err != nil {
				return http.NoBody // at the end
			}
			return answer.Body
		}
		all.Go(func() {
			defer transport.CloseIdleConnections()
			events := get(page + "events")
			defer events.Close()
			for lines := bufio.NewScanner(events); lines.Scan(); {
				if lines.Text() == "event: change" {
					body := get(page)
					bytes, _ := io.Copy(io.Discard, body)
					fetched.Add(bytes)
					_ = body.Close()
				}
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}
