package netns

import (
	"fmt"
	"os"
)

// Own is the namespace that this process lives in, as a value. Closing it leaves
// the namespace as it is.
func Own() (*Namespace, error) {
	var file *os.File
	err := onThread(func() (err error) { // a free thread is always at home
		file, err = os.Open(threadNamespace)
		return err
	})
	if err != nil {
		return nil, err
	}
	return Adopt(file)
}

// Adopt makes a value of a namespace that a file refers to, as one that another
// process handed on. Close closes the file.
func Adopt(file *os.File) (*Namespace, error) {
	n := &Namespace{file: file}
	if err := n.Do(n.open); err != nil {
		_ = file.Close() // the error before is the one to tell
		return nil, fmt.Errorf("entering the network namespace of %s: %w", file.Name(), err)
	}
	return n, nil
}

// File is the descriptor that holds the namespace, to hand on to another
// process. It is the Namespace's own: Close closes it.
func (n *Namespace) File() *os.File { return n.file }
