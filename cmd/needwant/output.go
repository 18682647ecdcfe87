package main

import (
	"io"
	"os"
	"sync"
)

// output is where a command writes its result. It remembers the first error: a command that
// ignores it may not seem to have succeeded.
type output struct {
	io.Writer
	mu  sync.Mutex
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// lost is the first error.
func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// underlying is the file that a command writes to, if it is one.
func underlying(out io.Writer) (file *os.File, isFile bool) {
	if o, ok := out.(*output); ok {
		out = o.Writer
	}
	file, isFile = out.(*os.File)
	return file, isFile
}
