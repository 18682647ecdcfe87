package main

import "regexp"

// mistake is a message of the flag library or of the system, and what is said instead.
type mistake struct{ theirs, ours string }

func mistakes() []mistake {
	return []mistake{
		{`^accepts (\d+) arg\(s\), received (\d+)$`, "expected arguments: $1, got $2"},
		{`^accepts at most (\d+) arg\(s\), received (\d+)$`, "expected arguments: at most $1, got $2"},
		{`^requires at least (\d+) arg\(s\), only received (\d+)$`, "expected arguments: at least $1, got $2"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: time: .*$`, "$2 $1: expected a time with its unit, e.g. 90s, 30m or 6h"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: strconv\.Parse(?:Int|Uint): .*$`, "$2 $1: expected a whole number"},
		{`^invalid argument "(.*)" for "(?:-\w, )?(--[\w-]+)" flag: strconv\.ParseFloat: .*$`, "$2 $1: expected a number, e.g. 0.05"},
		{`^open (.*): no such file or directory$`, "$1 does not exist: check the name"},
		{`^open (.*): permission denied$`, "$1: this user may not read it: check the rights on the file, or run it with sudo"},
	}
}

// plainly says a message of the flag library or of the system in plain words.
func plainly(message string) string {
	for _, m := range mistakes() {
		if pattern := regexp.MustCompile(m.theirs); pattern.MatchString(message) {
			return pattern.ReplaceAllString(message, m.ours)
		}
	}
	return message
}
