package seen_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
)

// fuzz gives a parser hostile input. What it makes of it must be a list that a
// command reads again, or an error with a place.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := seen.Import(context.Background(), []string{"-"}, seen.Options{
			Format: format, Stdin: bytes.NewReader(data), Now: now, Devices: []string{device},
		})
		judge(t, list, err)
	})
}

func judge(t *testing.T, list seen.List, err error) {
	t.Helper()
	var placed *seen.Error
	var missing *seen.DeviceError
	if err != nil {
		if !errors.As(err, &placed) && !errors.As(err, &missing) {
			t.Fatalf("without a place: %v", err)
		}
		return
	}
	if len(list.Rows) > harness.MostDestinations {
		t.Fatalf("%d rows", len(list.Rows))
	}
	var text bytes.Buffer
	if err := list.Write(&text); err != nil {
		t.Fatal(err)
	}
	if _, err := seen.Parse(text.Bytes()); err != nil {
		t.Fatalf("%v: %s", err, text.String())
	}
}

func samples(f *testing.F, names ...string) (texts []string) {
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, string(text[:min(len(text), 8192)]))
	}
	return texts
}

func FuzzCapture(f *testing.F) { fuzz(f, "pcap", samples(f, "s50.pcap", "s50.pcapng")...) }
func FuzzKernel(f *testing.F)  { fuzz(f, "kernel", samples(f, "s50-kernel.log")...) }
func FuzzConntrack(f *testing.F) {
	fuzz(f, "conntrack", samples(f, "s50-conntrack.log")...)
}

func FuzzDnsmasq(f *testing.F) {
	fuzz(f, "dnsmasq", "Nov 26 21:00:00 dnsmasq[9]: 1 192.168.50.10/4 query[A] a.example.com from 192.168.50.10\n"+
		"dnsmasq[9]: reply a.example.com is <CNAME>\ndnsmasq[9]: reply b.example.com is 198.51.100.9\ndnsmasq-dhcp[9]: DHCPACK(br0) 192.168.50.10 7c:49:eb:00:00:01 S50\n")
}

func FuzzAdGuard(f *testing.F) {
	fuzz(f, "adguard", `{"T":"2026-11-26T21:00:00Z","QH":"a.example.com","QT":"A","IP":"192.168.50.10","CID":"s50","Answer":"AAGBgAABAAEAAAAABWxvZ2luB2V4YW1wbGUAAAEAAcAMAAEAAQAAADwABMYzZAk="}`)
}

func FuzzZeek(f *testing.F) {
	fuzz(f, "zeek",
		"#separator \\x09\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n1.0\t192.168.50.10\t4\t198.51.100.9\t443\ttcp\n",
		`{"ts":1.0,"id.orig_h":"192.168.50.10","id.orig_p":4,"id.resp_h":"198.51.100.9","id.resp_p":53,"query":"a.example.com","answers":["198.51.100.9"]}`)
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "csv", "time,device,address,name,protocol,port,bytes,count\n1.0,192.168.50.10,198.51.100.9,a.example.com,tcp,443,1,2\n",
		"name;queries\nb.example.com;3\n")
}

func FuzzPihole(f *testing.F) {
	whole, err := os.ReadFile(filepath.Join("testdata", "pihole.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "pihole-FTL.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := seen.Import(t.Context(), []string{path}, seen.Options{Format: "pihole", Devices: []string{device}})
		judge(t, list, err)
	})
}

func FuzzList(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"needwant/v1","kind":"Seen","rows":[{"id":"tcp/443/a.example","addresses":["198.51.100.9"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := seen.Parse(data)
		if err != nil {
			return
		}
		for _, contact := range list.Contacts() {
			if _, err := harness.ParseDestination(contact.Destination.String()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// BenchmarkPcap is the rate at which a gigabyte of a capture is read, and the most
// memory that is in use meanwhile.
func BenchmarkPcap(b *testing.B) {
	sample, err := os.ReadFile("testdata/s50.pcap")
	if err != nil {
		b.Fatal(err)
	}
	const header, size = 24, 1 << 30
	packets := sample[header:]
	var peak uint64
	b.SetBytes(size)
	for b.Loop() {
		parts := []io.Reader{bytes.NewReader(sample[:header])}
		for range size / len(packets) {
			parts = append(parts, bytes.NewReader(packets))
		}
		_, err := seen.Import(b.Context(), []string{"-"}, seen.Options{Stdin: io.MultiReader(parts...), Now: now, Progress: func(string, int64, int64) {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			peak = max(peak, memory.HeapAlloc)
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
}
