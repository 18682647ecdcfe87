package blocklist_test

import (
	"bytes"
	"testing"

	"github.com/needwant/needwant/harness/blocklist"
)

// FuzzList reads any text as a list: an error, or a list that answers.
func FuzzList(f *testing.F) {
	for _, seed := range []string{
		"0.0.0.0 ads.example\n", "||ads.example^$important\n@@||ok.ads.example^\n/x[0-9]+/\n", "address=/a.example/b.example/#\n",
		"$ORIGIN rpz.\n@ SOA a. b. (\n1 2 )\n 60 IN NS x.\n*.a.example CNAME .\n", "local-zone: \"a.example\" static\n", "*.a.example\n.b.example\n", "x##.y\n|a*b^|$client=~x\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := blocklist.Parse("list", bytes.NewReader(text), "192.168.1.50")
		if err != nil {
			return
		}
		if list.Entries == 0 {
			t.Error("a list without an entry")
		}
		for _, name := range []string{"ads.example", "a.b.c.example", "", "x"} {
			if list.BlocksBelow(name) && !list.Blocks("below."+name) {
				t.Errorf("it blocks everything below %q, but not below.%s", name, name)
			}
		}
	})
}
