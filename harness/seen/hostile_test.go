package seen_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
)

// place is the position that an error names; -1 for none.
func place(err error) (line int, at int64) {
	GinkgoHelper()
	var placed *seen.Error
	Expect(errors.As(err, &placed)).To(BeTrue(), "%v", err)
	Expect(err.Error()).To(HavePrefix(placed.File + ": "))
	return placed.Line, placed.Byte
}

var _ = Describe("a damaged file", func() {
	DescribeTable("is not read if a capture is cut off within a packet, with the place where that packet begins", func(name string) {
		whole := sample(name)
		var begins []int64
		for size := 1; size < len(whole); size += 1 + size/40 {
			_, err := imported(seen.Options{Format: "pcap", Devices: []string{device}}, whole[:size])
			if err == nil {
				continue // between two packets
			}
			var missing *seen.DeviceError
			if errors.As(err, &missing) {
				continue
			}
			if strings.HasSuffix(err.Error(), "it has no packets: capture on the device's interface while the device is used") {
				Expect(begins).NotTo(ContainElement(BeNumerically(">", 200)), "only headers")
				continue
			}
			_, at := place(err)
			Expect(at).To(BeNumerically("<", size), err.Error())
			Expect(err).To(MatchError(ContainSubstring("file ends within")))
			begins = append(begins, at)
		}
		Expect(len(begins)).To(BeNumerically(">", 100))
	},
		Entry("pcap", "s50.pcap"),
		Entry("pcapng", "s50.pcapng"),
	)

	It("is not read if a compressed file is cut off", func() {
		whole := zipped(sample("s50-kernel.log"))
		_, err := imported(seen.Options{}, whole[:len(whole)/2])
		Expect(err).To(MatchError(ContainSubstring("compressed data ends here")))
		place(err)
		_, err = imported(seen.Options{}, "\x1f\x8bnothing of the kind")
		Expect(err).To(MatchError(ContainSubstring("begins like a file of gzip")))
		place(err)
	})

	patched := func(name string, at int, value uint32) string {
		data := []byte(sample(name))
		binary.LittleEndian.PutUint32(data[at:], value)
		return string(data)
	}
	DescribeTable("is not read, with the place", func(line int, at int64, why string, data func() string) {
		_, err := imported(seen.Options{}, data())
		foundLine, foundByte := place(err)
		Expect(foundLine).To(Equal(line), err.Error())
		if line == 0 {
			Expect(foundByte).To(Equal(at), err.Error())
		}
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("a packet of 4 GB", 0, int64(24), "no packet is so long", func() string { return patched("s50.pcap", 32, 1<<32-1) }),
		Entry("a block with a length that is not one", 0, int64(0), "multiple of 4", func() string { return patched("s50.pcapng", 4, 13) }),
		Entry("a section without a byte order", 0, int64(0), "no byte order", func() string { return patched("s50.pcapng", 8, 7) }),
		Entry("too many interfaces", 0, int64(28+4096*20), "more than 4096 interfaces", func() string {
			section := "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00"
			return section + strings.Repeat("\x01\x00\x00\x00\x14\x00\x00\x00\x01\x00\x00\x00\x00\x00\x04\x00\x14\x00\x00\x00", 5000)
		}),
		Entry("nothing", 0, int64(0), "it is empty", func() string { return "" }),
		Entry("something else", 0, int64(-1), "none of the known formats", func() string { return "hello\n" }),
		Entry("AdGuard's log, cut off", 2, int64(0), "the file ends within this line", func() string {
			return `{"T":"2026-11-26T21:00:00Z","QH":"a.example.com","QT":"A","IP":"192.168.50.10"}` + "\n" + `{"T":"2026-11-26T21:00:00Z","QH":"a.exa`
		}),
		Entry("AdGuard's log with a line that is not JSON", 2, int64(0), "not JSON", func() string {
			return `{"T":"2026-11-26T21:00:00Z","QH":"a.example.com","QT":"A","IP":"192.168.50.10"}` + "\n" + `{"T":1}` + "\n"
		}),
		Entry("Zeek's log with a field too few", 3, int64(0), "2 fields, and #fields names 3", func() string {
			return "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n1.0\t192.168.50.10\n"
		}),
		Entry("CSV with a quotation mark that is not closed", 2, int64(0), "extraneous or missing", func() string { return "address,port\n\"" + strings.Repeat("x\n", 100) }),
		Entry("CSV with a port that is not one", 3, int64(0), "port", func() string {
			return "address,protocol,port\n198.51.100.8,tcp,443\n198.51.100.8,tcp,https\n"
		}),
		Entry("a line without an end", 2, int64(0), "longer than 1048576 bytes", func() string {
			return "address,protocol,port\n" + strings.Repeat("1", 3<<20)
		}),
		Entry("a database that is not Pi-hole's", 0, int64(-1), "it has no queries", func() string {
			text, err := os.ReadFile(database("CREATE TABLE t (x); CREATE VIEW queries AS SELECT 1"))
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}),
		Entry("a database that is cut off", 0, int64(-1), "damaged", func() string {
			text, err := os.ReadFile(database(piholeTables))
			Expect(err).NotTo(HaveOccurred())
			return string(text[:len(text)/2])
		}),
	)

	It("is not read if it is a directory, or a compressed database", func() {
		_, err := seen.Import(context.Background(), []string{GinkgoT().TempDir()}, seen.Options{})
		Expect(err).To(MatchError(ContainSubstring("not a file")))
		text, err := os.ReadFile(database(piholeTables))
		Expect(err).NotTo(HaveOccurred())
		_, err = imported(seen.Options{}, zipped(string(text)))
		Expect(err).To(MatchError(ContainSubstring("unpack it")))
	})

	It("does not run what a hostile database defines", func(ctx SpecContext) {
		path := database(`CREATE VIEW queries AS WITH RECURSIVE n(timestamp, type, client, domain) AS (SELECT 1, 1, '192.168.1.2', 'a.example' UNION ALL SELECT timestamp + 1, 1, client, domain FROM n) SELECT * FROM n`)
		_, err := seen.Import(ctx, []string{path}, seen.Options{})
		Expect(err).To(MatchError(ContainSubstring("it has no queries")))
	}, SpecTimeout(time.Minute))
})

// scan is a pcap of one device that contacts ever other hosts, with a DNS answer
// for each: what makes a table grow fastest.
type scan struct {
	number  uint32
	left    int64
	pending bytes.Buffer
}

func newScan(size int64) *scan {
	s := &scan{left: size}
	s.pending.Write([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00"))
	return s
}

func (s *scan) Read(into []byte) (int, error) {
	if s.pending.Len() < len(into) && s.left > 0 {
		for s.pending.Len() < 1<<20 {
			s.add()
		}
	}
	n, err := s.pending.Read(into)
	s.left -= int64(n)
	if s.left <= 0 {
		s.left = 0
	}
	return n, err
}

// add adds a DNS answer and a datagram of 700 bytes to the address in it.
func (s *scan) add() {
	s.number++
	host := [4]byte{byte(20 + s.number>>24), byte(s.number >> 16), byte(s.number >> 8), byte(s.number)}
	name := fmt.Sprintf("h%d", s.number)
	answer := []byte{0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, byte(len(name))}
	answer = append(answer, name...)
	answer = append(answer, "\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"...)
	s.packet([4]byte{192, 168, 50, 1}, [4]byte{192, 168, 50, 10}, 53, 5353, append(answer, host[:]...))
	s.packet([4]byte{192, 168, 50, 10}, host, 40000, 443, make([]byte, 700))
}

func (s *scan) packet(from, to [4]byte, source, port uint16, payload []byte) {
	order := binary.BigEndian
	udp := order.AppendUint16(order.AppendUint16(nil, source), port)
	udp = append(order.AppendUint16(udp, uint16(8+len(payload))), 0, 0)
	ip := append([]byte{0x45, 0}, order.AppendUint16(nil, uint16(28+len(payload)))...)
	ip = append(append(append(ip, 0, 0, 0, 0, 64, 17, 0, 0), from[:]...), to[:]...)
	ethernet := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}
	size := uint32(len(ethernet) + len(ip) + len(udp) + len(payload))
	var header [16]byte
	binary.LittleEndian.PutUint32(header[:], 1795725600)
	binary.LittleEndian.PutUint32(header[8:], size)
	binary.LittleEndian.PutUint32(header[12:], size)
	for _, part := range [][]byte{header[:], ethernet, ip, udp, payload} {
		s.pending.Write(part)
	}
}

var _ = Describe("the memory of an import", func() {
	It("is limited, whatever a capture holds", Label("slow"), func() {
		var peak uint64
		list, err := seen.Import(context.Background(), []string{"-"}, seen.Options{
			Stdin: newScan(72 << 20), Now: now,
			Progress: func(_ string, read, _ int64) {
				if read>>20%8 == 0 {
					var memory runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&memory)
					peak = max(peak, memory.HeapAlloc)
				}
			},
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Rows).To(HaveLen(harness.MostDestinations))
		Expect(list.LeftOut).To(BeNumerically(">", 10000))
		Expect(list.Sources[0].Records).To(BeNumerically(">", 150000))
		Expect(peak).To(And(BeNumerically(">", 1<<20), BeNumerically("<", 96<<20)))
	})

	It("is limited, whatever a log holds", Label("norace"), func() {
		lines := func(line func(n int) string) string {
			var text strings.Builder
			for n := range 70000 {
				text.WriteString(line(n) + "\n")
			}
			return text.String()
		}
		host := func(n int) netip.Addr {
			return netip.AddrFrom4([4]byte{20, byte(n >> 16), byte(n >> 8), byte(n)})
		}
		for _, text := range []string{
			lines(func(n int) string { return fmt.Sprintf("dnsmasq[1]: query[A] n%d.example from 192.168.50.10", n) }),
			lines(func(n int) string { return fmt.Sprintf("SRC=192.168.50.10 DST=%v PROTO=UDP SPT=1 DPT=123", host(n)) }),
			lines(func(n int) string {
				return fmt.Sprintf("SRC=10.0.%d.%d DST=20.0.0.1 PROTO=UDP SPT=1 DPT=123", n>>8&255, n&255)
			}) +
				"SRC=10.0.0.7 DST=20.0.0.1 PROTO=UDP SPT=1 DPT=123\n",
		} {
			list, err := imported(seen.Options{Devices: []string{"192.168.50.10", "10.0.0.7"}}, text)
			Expect(err).NotTo(HaveOccurred())
			Expect(len(list.Rows)).To(BeNumerically("<=", harness.MostDestinations))
		}
		_, err := imported(seen.Options{}, lines(func(n int) string {
			return fmt.Sprintf("SRC=10.0.%d.%d DST=20.0.0.1 PROTO=UDP SPT=1 DPT=123", n>>8&255, n&255)
		}))
		Expect(err).To(MatchError(And(ContainSubstring("several devices"), ContainSubstring("and 1004 more"))))
	})
})
