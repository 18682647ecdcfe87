package seen

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Options are the choices of an import.
type Options struct {
	Devices  []string                            // addresses, MAC addresses or names; none is the only one there is
	Format   string                              // "" recognises it
	Stdin    io.Reader                           // what the file "-" is
	Now      time.Time                           // completes dates without a year: they are in the past
	Progress func(file string, read, size int64) // called after each megabyte; size is 0 if unknown. May be nil
}

// Error is a failure to read a file, with the place.
type Error struct {
	File string
	Line int   // from 1; 0 if the format has no lines
	Byte int64 // offset, if Line is 0; of the uncompressed data. -1 if it is not known
	Err  error
}

func (e *Error) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s: line %d: %v", e.File, e.Line, e.Err)
	case e.Byte >= 0:
		return fmt.Sprintf("%s: byte %d: %v", e.File, e.Byte, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.File, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Import reads files, "-" for the standard input, and returns what they show of one
// device. The error is an [*Error] if a file cannot be read, or if no file has a record, and
// a [*DeviceError] if the device is not found. Of several files, some may be without records:
// a log that was just rotated is empty.
func Import(ctx context.Context, files []string, options Options) (List, error) {
	t, err := NewTable(options.Devices...)
	if err != nil {
		return List{}, err
	}
	var sources []Source
	var lacking []error
	for _, path := range files {
		source, lack, err := importFile(ctx, path, options, t)
		if err != nil {
			return List{}, err
		}
		if lack != nil {
			lacking = append(lacking, lack)
		}
		sources = append(sources, source)
	}
	if len(lacking) == len(files) {
		return List{}, errors.Join(lacking...)
	}
	list, err := t.List()
	if err != nil {
		return List{}, missing(err, lacking)
	}
	list.Sources = sources
	return list, nil
}

// missing is an error of [Table.List], with what files lack: the device may be missing for that.
func missing(err error, lacking []error) error {
	var device *DeviceError
	if !errors.As(err, &device) {
		return err
	}
	for _, lack := range lacking {
		device.text += "\n" + lack.Error()
	}
	return device
}

// headSize is how much of a file is looked at to recognise it: a system's log may begin
// with many lines of other programs. It is also the longest line.
const headSize = 1 << 20

// input is a file that is being read.
type input struct {
	*bufio.Reader
	ctx     context.Context
	file    *os.File // nil for the standard input
	options Options
	format  Format
	found   map[string]bool // the formats of the lines that were read
	source  Source
	passed  *passed
	packed  bool  // the file is compressed
	number  int   // of the line
	queries int   // that dnsmasq logged
	alias   alias // of dnsmasq's answers
}

// importFile reads one file. lack says what a file without a record should have; it is an
// [*Error].
func importFile(ctx context.Context, path string, options Options, t *Table) (source Source, lack, err error) {
	in := &input{ctx: ctx, options: options, found: map[string]bool{}, source: Source{File: path}}
	if path == "-" {
		in.source.File = "standard input"
		in.open(untilStopped(ctx, options.Stdin), 0)
	} else {
		file, err := os.Open(path)
		if err != nil {
			return in.source, nil, err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil || info.IsDir() {
			return in.source, nil, in.fail(-1, errors.Join(err, errors.New("it is not a file")))
		}
		in.file = file
		in.open(file, info.Size())
	}
	if err := in.read(t); err != nil {
		var placed *Error
		if ctx.Err() != nil && path == "-" && in.source.Records > 0 {
			return in.source, nil, nil // stopped within a record
		}
		if ctx.Err() != nil || errors.As(err, &placed) {
			return in.source, nil, err
		}
		return in.source, nil, in.fail(in.offset(), err)
	}
	return in.source, in.lack(), nil
}

// untilStopped is a stream that ends when ctx does: the user stops what has no end of
// its own, such as conntrack -E. Its program, which is stopped by the same key, has a
// moment to write the rest.
func untilStopped(ctx context.Context, r io.Reader) io.Reader {
	const moment = time.Second
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err) // never fails
	}()
	context.AfterFunc(ctx, func() { time.AfterFunc(moment, func() { _ = in.Close() }) })
	return out
}

func (in *input) open(r io.Reader, size int64) {
	in.passed = &passed{in: in, Reader: r, size: size}
	in.Reader = bufio.NewReaderSize(in.passed, headSize)
}

// read recognises the format, and reads.
func (in *input) read(t *Table) error {
	head, err := in.head()
	if err != nil {
		return err
	}
	if len(head) == 0 {
		in.source.Formats, in.source.Cannot = []string{}, []string{in.source.File + " is empty."}
		return nil
	}
	if in.options.Format != "" {
		in.format, err = Find(in.options.Format)
	} else {
		in.format, err = recognised(head)
	}
	if err != nil {
		return in.fail(-1, err)
	}
	if err := in.format.read(in, t); err != nil {
		return err
	}
	if len(in.found) == 0 {
		in.found[in.format.Name] = true
	}
	for _, f := range Formats() {
		if !in.found[f.Name] {
			continue
		}
		in.source.Formats = append(in.source.Formats, f.Name)
		cannot := f.Cannot
		if in.lacks(f) {
			cannot = in.source.File + " has " + f.Lacks + "."
		}
		if !slices.Contains(in.source.Cannot, cannot) {
			in.source.Cannot = append(in.source.Cannot, cannot)
		}
	}
	return nil
}

// lacks reports whether the data has nothing of what this format is read for. The leases in
// a log of dnsmasq are records, and not what the device contacted.
func (in *input) lacks(f Format) bool {
	if in.source.Damaged > 0 {
		return false
	}
	return in.source.Records == 0 || f.Name == "dnsmasq" && in.queries == 0
}

// lack is the error for a file that has no record; nil if it has one.
func (in *input) lack() error {
	if len(in.source.Formats) == 0 {
		return in.fail(0, errors.New("it is empty"))
	}
	for _, f := range Formats() {
		if slices.Contains(in.source.Formats, f.Name) && !in.lacks(f) {
			return nil
		}
	}
	f, err := Find(in.source.Formats[0])
	return in.fail(-1, cmp.Or(err, fmt.Errorf("it has %s", f.Lacks)))
}

// head is the beginning of the data, uncompressed. It is empty if there is none.
func (in *input) head() ([]byte, error) {
	head, err := in.Peek(headSize)
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		unpacked, broken := gzip.NewReader(in.Reader)
		if broken != nil {
			return nil, fmt.Errorf("it begins like a file of gzip, and is not one: %w", broken)
		}
		in.packed = true
		in.Reader = bufio.NewReaderSize(&counted{Reader: unpacked, passed: in.passed}, headSize)
		in.passed.unpacked = true
		head, err = in.Peek(headSize)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// passed counts what is read of a file, shows the progress, and ends if the command
// does.
type passed struct {
	io.Reader
	in       *input
	size     int64
	read     int64 // of the file
	shown    int64
	unpacked bool
	content  int64 // uncompressed, if the file is compressed
}

func (p *passed) Read(into []byte) (int, error) {
	if err := p.in.ctx.Err(); err != nil && p.in.file != nil {
		return 0, err
	}
	n, err := p.Reader.Read(into)
	p.read += int64(n)
	const step = 1 << 20
	if p.in.options.Progress != nil && p.read-p.shown >= step {
		p.shown = p.read
		p.in.options.Progress(p.in.source.File, p.read, p.size)
	}
	return n, err
}

var errCut = errors.New("the compressed data ends here: the file is cut off, for example because it was not copied completely")

// counted counts uncompressed bytes.
type counted struct {
	io.Reader
	passed *passed
}

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.passed.content += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	return n, err
}

// offset is how many bytes of the uncompressed data were used.
func (in *input) offset() int64 {
	all := in.passed.read
	if in.passed.unpacked {
		all = in.passed.content
	}
	return all - int64(in.Buffered())
}

// fail is an error at a byte.
func (in *input) fail(offset int64, err error) error {
	return &Error{File: in.source.File, Byte: offset, Err: err}
}

// failLine is an error in the line that was read last.
func (in *input) failLine(err error) error {
	return &Error{File: in.source.File, Line: in.number, Err: err}
}

// each hands over the lines that are left, except for empty ones. An error of take's
// is told with the line.
func (in *input) each(take func(line []byte, whole bool) error) error {
	for {
		line, whole, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		if err := take(line, whole); err != nil {
			return in.failLine(err)
		}
	}
}

// next returns the next line without its end; io.EOF after the last. Whole is false for
// a last line without an end. A line that is longer than [headSize] is an error.
func (in *input) next() (line []byte, whole bool, err error) {
	line, err = in.ReadSlice('\n')
	in.number++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, false, in.failLine(fmt.Errorf("it is longer than %d bytes", headSize))
	case errors.Is(err, io.EOF) && len(line) > 0:
		return line, false, nil
	case errors.Is(err, io.EOF):
		return nil, false, io.EOF
	case err != nil:
		return nil, false, in.failLine(err)
	}
	return bytes.TrimRight(line, "\r\n"), true, nil
}

// readLines reads a log, in which lines of several formats may be mixed.
func readLines(in *input, t *Table) error {
	var logs []Format
	for _, f := range Formats() {
		if f.line != nil {
			logs = append(logs, f)
		}
	}
	for {
		line, _, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		in.takeLine(t, logs, strings.ToValidUTF8(string(line), "?"))
	}
}

func (in *input) takeLine(t *Table, logs []Format, line string) {
	worst := other
	for _, f := range logs {
		switch f.line(t, line, in) {
		case record:
			in.source.Records++
			in.found[f.Name] = true
			return
		case damaged:
			worst = damaged
		case other, idle:
		}
	}
	if worst == other {
		in.source.Skipped++
		return
	}
	if in.source.Damaged++; in.source.First == 0 {
		in.source.First = in.number
	}
}
