package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("what the system says of a file", func() {
	DescribeTable("is said in plain words, with what to do", func(path string, errno syscall.Errno, says string) {
		err := &fs.PathError{Op: "open", Path: path, Err: errno}
		Expect(filesPlainly(err, err.Error())).To(Equal(path + says))
		wrapped := fmt.Errorf("the list cannot be read: %w", err)
		Expect(filesPlainly(wrapped, wrapped.Error())).To(Equal("the list cannot be read: " + path + says))
	},
		Entry("that is not there", "list.txt", syscall.ENOENT, " does not exist: check the name"),
		Entry("whose directory is not there", "lists/list.txt", syscall.ENOENT, ": there is no directory lists: check the name, or create the directory first"),
		Entry("that may not be read", "suite_test.go", syscall.EACCES, ": this user may not open it: check the rights on it, or run it with sudo"),
		Entry("that may not be created", "list.txt", syscall.EACCES, ": this user may not write into this directory: choose another one, or run it with sudo"),
		Entry("that may not be created elsewhere", "/etc/list.txt", syscall.EACCES, ": this user may not write into the directory /etc: choose another one, or run it with sudo"),
		Entry("that is a directory", "testdata", syscall.EISDIR, " is a directory: give a file"),
		Entry("below a file", "suite_test.go/x", syscall.ENOTDIR, ": a part of this path is a file, not a directory: check the name"),
		Entry("on a disk that is read-only", "list.txt", syscall.EROFS, ": nothing can be written there, since the file system is read-only: choose another directory"),
		Entry("on a full disk", "list.txt", syscall.ENOSPC, ": there is no space left: free some space"),
	)

	It("has one remedy and one name, if the message has them already", func() {
		err := &fs.PathError{Op: "open", Path: "a/b.pcapng", Err: syscall.ENOENT}
		text := fmt.Errorf("a/b.pcapng: %w: choose another name", err).Error()
		Expect(filesPlainly(err, text)).To(Equal("a/b.pcapng: there is no directory a: choose another name"))
	})

	It("stays as it is if there are no better words, or if it is not part of the message", func() {
		err := &fs.PathError{Op: "read", Path: filepath.Join("a", "b"), Err: syscall.EIO}
		Expect(filesPlainly(err, err.Error())).To(Equal(err.Error()))
		err.Err = syscall.ENOENT
		Expect(filesPlainly(err, "the world cannot be read")).To(Equal("the world cannot be read"))
	})
})

var _ = Describe("a line of a file with a mark below it", func() {
	DescribeTable("is cut to what is around the mark", func(line, mark, shown, below string) {
		text, under := around(line, mark, 40)
		Expect(text).To(Equal(shown))
		Expect(under).To(Equal(below))
		Expect([]rune(text)).To(HaveLen(min(40, len([]rune(text)))))
		Expect([]rune(text)[len(under)-1]).To(Equal([]rune(line)[len(mark)-1]), "the mark is below the same character")
	},
		Entry("if it is short", "    settle: 90", "            ^", "    settle: 90", "            ^"),
		Entry("at its beginning", "    faults: [rejct]     # reject, drop or nxdomain", "             ^", "    faults: [rejct]     # reject, drop …", "             ^"),
		Entry("in its middle", "    steps: [{prompt: {text: Does it play?, aks: 1}, expect: answer}]", strings.Repeat(" ", 43)+"^", "    …ext: Does it play?, aks: 1}, expec…", strings.Repeat(" ", 25)+"^"),
		Entry("at its end", "    steps: [{prompt: {text: Does it play?, ask: 1}}]", strings.Repeat(" ", 43)+"^", "    …ext: Does it play?, ask: 1}}]", strings.Repeat(" ", 25)+"^"),
	)
})
