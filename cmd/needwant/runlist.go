package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/reports"
)

// The limits of a list of runs.
const (
	mostListed = 200 // runs, the newest
	mostOpened = 8   // pages of runs that are kept up to date, those opened last
)

// collection has runs for a page that lists them. A file is meant by its name, without its
// directory.
type collection struct {
	title   string
	find    func() (paths []string, err error) // all run files, of different names
	begun   func(file string) *page.Board      // the page of a run that this program carries out; nil for others
	waiting func() []reports.RunLine           // of what has no run file; nil if there is nothing like that
	written func(path string) bool             // whether a run is under way; nil asks for the lock of its file, which this program must not hold: see [runfile.Written]
	place   func(file string) string           // where the device of a run is; nil if that is not known
	remote  remote                             // carries out what people do; nil if nobody does
	list    *page.Board

	mu      sync.Mutex
	without []reports.RunLine // what has no run file
	at      map[string]string // by file: where its device is
	asking  map[string]bool   // by file: whether a question waits for a person
	lines   map[string]listed // by file
	paths   map[string]string // by file
	order   []string          // files, the newest first
	more    int               // that are not listed
	opened  []opened          // the last is the one that was opened last
}

// listed is a run in the list, and the file that it was made from.
type listed struct {
	reports.RunLine
	stamp stamp
}

// stamp tells two states of a run file apart.
type stamp struct {
	size    int64
	changed time.Time
	written bool // a run is under way; one that was written just now counts, since it unlocks the file between trials
}

// remote knows what happens in runs that another program carries out.
type remote interface {
	live(file string) (live reports.Live, version int) // the version is 0 if that is not known
	act(ctx context.Context, file string, act page.Act) page.Reply
}

// opened is the page of a run.
type opened struct {
	file    string
	board   *page.Board
	content page.Content // of the file
	version int          // of what the remote program says
}

// show shows the run as its file has it, and what happens as the program says that carries it out.
func (o *opened) show(r remote) {
	content := o.content
	if r != nil {
		var live reports.Live
		if live, o.version = r.live(o.file); o.version != 0 {
			content.Live = live
		}
	}
	content.Live.Listed = true
	o.board.Show(content)
}

// watchAll serves a page that lists the runs of a directory until ctx ends.
func watchAll(ctx context.Context, directory string, web *webPage) error {
	if whole, err := filepath.Abs(directory); err == nil {
		directory = whole
	}
	c := &collection{title: "Runs in " + directory, find: func() ([]string, error) { return runsIn(directory) }}
	return c.serve(ctx, web.server)
}

// serve keeps the list up to date until ctx ends.
func (c *collection) serve(ctx context.Context, server *page.Server) error {
	c.list = server.Board
	server.Below(func(name string) *page.Board { return c.open(ctx, name) })
	again := time.NewTicker(glance)
	defer again.Stop()
	for first := true; ; first = false {
		changed, err := c.look(ctx)
		if err != nil {
			return err
		}
		if changed || first {
			c.show()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// look reads what has changed, and reports whether something has.
func (c *collection) look(ctx context.Context) (changed bool, err error) {
	paths, err := c.find()
	if err != nil {
		return false, err
	}
	var without []reports.RunLine
	if c.waiting != nil {
		without = c.waiting()
	}
	order, stamps := c.newest(paths)
	more := max(0, len(order)-mostListed)
	order = order[:len(order)-more]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == nil {
		c.lines = map[string]listed{}
	}
	c.paths = map[string]string{}
	for _, path := range paths {
		c.paths[filepath.Base(path)] = path
	}
	at := map[string]string{}
	if c.place != nil {
		for _, file := range order {
			at[file] = c.place(file)
		}
	}
	asking := c.hear(order)
	changed = more != c.more || !slices.Equal(order, c.order) || !slices.Equal(without, c.without) || !maps.Equal(at, c.at) || !maps.Equal(asking, c.asking)
	c.order, c.more, c.without, c.at, c.asking = order, more, without, at, asking
	for _, file := range order {
		if known, ok := c.lines[file]; ok && known.stamp == stamps[file] {
			continue
		}
		changed = true
		run, err := runfile.Load(ctx, c.paths[file])
		line := reports.NewRunLine(file, run, happening(run, stamps[file].written))
		if err != nil {
			line = reports.WrongRunLine(file, err)
		}
		c.lines[file] = listed{line, stamps[file]}
		c.update(file, run, err, stamps[file])
	}
	for file := range c.lines {
		if !slices.Contains(order, file) {
			delete(c.lines, file)
			c.opened = slices.DeleteFunc(c.opened, func(o opened) bool { return o.file == file })
		}
	}
	return changed, nil
}

// hear takes in what other programs say of their runs, and returns which of them ask a question.
func (c *collection) hear(files []string) (asking map[string]bool) {
	asking = map[string]bool{}
	if c.remote == nil {
		return asking
	}
	for _, file := range files {
		live, version := c.remote.live(file)
		if live.Ask != nil {
			asking[file] = true
		}
		if i := slices.IndexFunc(c.opened, func(o opened) bool { return o.file == file }); i >= 0 && c.opened[i].version != version {
			c.opened[i].show(c.remote)
		}
	}
	return asking
}

// happening is what a run does now; "" if nobody writes to it.
func happening(run harness.Run, written bool) string {
	if run.Status != harness.Running || !written {
		return ""
	}
	return present(run, harness.ProgressOf(run)).Sentence()
}

// show shows the list as it is now.
func (c *collection) show() {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines, more := slices.Clone(c.without), c.more
	for _, file := range c.order {
		line := c.lines[file].RunLine
		line.Place = c.at[file]
		if c.asking[file] {
			line.Now = "A question waits for an answer"
		}
		lines = append(lines, line)
	}
	c.list.Show(page.Content{List: func(w io.Writer) error { return reports.RunsHTML(w, c.title, lines, more) }})
}

// open returns the page of a run; nil if it is not listed or cannot be read.
func (c *collection) open(ctx context.Context, file string) *page.Board {
	if c.begun != nil {
		if board := c.begun(file); board != nil {
			return board
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.lines[file]
	if !ok || known.Wrong != "" {
		return nil
	}
	if i := slices.IndexFunc(c.opened, func(o opened) bool { return o.file == file }); i >= 0 {
		found := c.opened[i]
		c.opened = append(slices.Delete(c.opened, i, i+1), found)
		return found.board
	}
	run, err := runfile.Load(ctx, c.paths[file])
	if err != nil {
		return nil
	}
	board := page.NewBoard()
	if c.remote != nil {
		board.Relay(func(ctx context.Context, act page.Act) page.Reply { return c.remote.act(ctx, file, act) })
	}
	c.opened = append(c.opened, opened{file: file, board: board})
	if len(c.opened) > mostOpened {
		c.opened = slices.Delete(c.opened, 0, 1)
	}
	c.update(file, run, nil, known.stamp)
	return c.opened[len(c.opened)-1].board
}

// update shows a run on its page, if that was opened.
func (c *collection) update(file string, run harness.Run, err error, now stamp) {
	i := slices.IndexFunc(c.opened, func(o opened) bool { return o.file == file })
	switch {
	case i < 0:
	case err != nil:
		c.opened = slices.Delete(c.opened, i, i+1)
	default:
		progress := harness.ProgressOf(run)
		c.opened[i].content = content(run, present(run, progress), progress, run.Status != harness.Running || !now.written)
		c.opened[i].show(c.remote)
	}
}

// runsIn returns the run files of a directory.
func runsIn(directory string) (paths []string, err error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, usage(fmt.Errorf("the runs cannot be listed: %w", err))
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && strings.HasSuffix(entry.Name(), ".run") {
			paths = append(paths, filepath.Join(directory, entry.Name()))
		}
	}
	return paths, nil
}

// newest are the files that exist of some run files, the newest first.
func (c *collection) newest(paths []string) (files []string, stamps map[string]stamp) {
	ask := c.written
	if ask == nil {
		ask = func(path string) bool {
			written, _ := runfile.Written(path)
			return written
		}
	}
	stamps = map[string]stamp{}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil { // it was deleted meanwhile, or is not there yet
			continue
		}
		file := filepath.Base(path)
		files = append(files, file)
		stamps[file] = stamp{info.Size(), info.ModTime(), ask(path) || time.Since(info.ModTime()) < 3*glance}
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(stamps[b].changed.Compare(stamps[a].changed), strings.Compare(a, b))
	})
	return files, stamps
}
