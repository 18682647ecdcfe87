package capture_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/capture"
	"github.com/needwant/needwant/netns/netnstest"
)

var deviceMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

var _ = Describe("a tap", Label("root"), func() {
	var device, gateway *netns.Namespace
	var path string
	var file *capture.File

	BeforeEach(func() {
		device, gateway = netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: device, Name: "d0", MAC: deviceMAC}, netns.End{Namespace: gateway, Name: "in0"})).To(Succeed())
		Expect(device.AddAddress("d0", netip.MustParsePrefix("192.168.50.10/24"))).To(Succeed())
		Expect(gateway.AddAddress("in0", netip.MustParsePrefix("192.168.50.1/24"))).To(Succeed())
		path = filepath.Join(GinkgoT().TempDir(), "device.pcapng")
		var err error
		file, err = capture.Create(path)
		Expect(err).NotTo(HaveOccurred())
	})

	open := func(link capture.Link) *capture.Tap {
		GinkgoHelper()
		link.Namespace, link.Name = gateway, "in0"
		tap, err := file.Open(link, "lane 1")
		Expect(err).NotTo(HaveOccurred())
		return tap
	}

	// send sends one datagram from the device, which nobody answers.
	send := func(ctx context.Context, payload []byte) {
		GinkgoHelper()
		socket, err := device.ListenPacket(ctx, "udp", "192.168.50.10:54321")
		Expect(err).NotTo(HaveOccurred())
		defer socket.Close()
		_, err = socket.WriteTo(payload, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.168.50.1:4000")))
		Expect(err).NotTo(HaveOccurred())
	}

	closeAll := func(tap *capture.Tap) {
		GinkgoHelper()
		Expect(tap.Close()).To(Succeed())
		Expect(file.Close()).To(Succeed())
	}

	It("keeps what passes, with what was said of it", func(ctx SpecContext) {
		tap := open(capture.Link{MAC: deviceMAC})
		send(ctx, []byte("before"))
		tap.Say("trial 1: nothing blocked")
		send(ctx, []byte("control"))
		tap.Say("trial 2: reject of udp/123/a.example")
		send(ctx, []byte("blocked"))
		closeAll(tap)
		kept := packets(path)
		Expect(kept["before"]).To(BeEmpty())
		Expect(kept["control"]).To(Equal([]string{"trial 1: nothing blocked"}))
		Expect(kept["blocked"]).To(Equal([]string{"trial 2: reject of udp/123/a.example"}))
		info, err := os.Stat(path)
		Expect(err).NotTo(HaveOccurred())
		Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)))
	}, SpecTimeout(20*time.Second))

	It("has no secret in it: neither one of the spec, nor the token of a device that is not paired", func(ctx SpecContext) {
		token := []byte("\x8d\x13canary-token\x01\xfe")
		told := []byte("a long-lived access token")
		tap := open(capture.Link{Secrets: [][]byte{told, []byte(hex.EncodeToString(token))}})
		send(ctx, append([]byte{0x21, 0x31, 0, 0x20, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 9, 9}, token...)) // the answer to a hello
		send(ctx, append([]byte("Bearer "), append(told, told...)...))
		send(ctx, []byte("token="+hex.EncodeToString(token)+"!"))
		send(ctx, []byte("harmless"))
		closeAll(tap)

		text, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		for _, secret := range [][]byte{token, told} {
			for _, form := range [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(base64.StdEncoding.EncodeToString(secret))} {
				Expect(bytes.Contains(text, form)).To(BeFalse(), "%q", form)
			}
		}
		kept := packets(path)
		blanked := ContainElement("needwant blanked a secret in this packet")
		Expect(kept["!1\x00 \x00\x00\x00\x00\x00\x01\x02\x03\x00\x00\t\txxxxxxxxxxxxxxxx"]).To(blanked)
		Expect(kept["Bearer "+string(bytes.Repeat([]byte("x"), 2*len(told)))]).To(blanked)
		Expect(kept["harmless"]).NotTo(blanked)
	}, SpecTimeout(20*time.Second))

	It("leaves a hello as it is, and the answer of a device that was paired", func(ctx SpecContext) {
		tap := open(capture.Link{})
		hello := append([]byte{0x21, 0x31, 0, 0x20}, bytes.Repeat([]byte{0xff}, 28)...)
		answer := append([]byte{0x21, 0x31, 0, 0x20, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 9, 9}, make([]byte, 16)...)
		send(ctx, hello)
		send(ctx, answer)
		closeAll(tap)
		Expect(packets(path)).To(And(HaveKey(string(hello)), HaveKey(string(answer))))
	}, SpecTimeout(20*time.Second))

	It("leaves out what is none of the device's", func(ctx SpecContext) {
		tap := open(capture.Link{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}})
		send(ctx, []byte("of a neighbour"))
		closeAll(tap)
		Expect(packets(path)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("ends while packets keep coming", func(ctx SpecContext) {
		tap := open(capture.Link{})
		life, end := context.WithCancel(ctx)
		flood := make(chan struct{})
		go func() {
			defer close(flood)
			for life.Err() == nil {
				send(ctx, []byte("more"))
			}
		}()
		closeAll(tap)
		end()
		<-flood
	}, SpecTimeout(20*time.Second))
})

var _ = Describe("a file for packets", func() {
	It("is never overwritten", func() {
		path := filepath.Join(GinkgoT().TempDir(), "there.pcapng")
		Expect(os.WriteFile(path, []byte("mine"), 0o600)).To(Succeed())
		_, err := capture.Create(path)
		Expect(err).To(MatchError(os.ErrExist))
		Expect(os.ReadFile(path)).To(BeEquivalentTo("mine"))
	})
})

// packets are the datagrams of a file, with their comments.
func packets(path string) map[string][]string {
	GinkgoHelper()
	const headers = 14 + 20 + 8
	file, err := os.Open(path)
	Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	reader, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	Expect(err).NotTo(HaveOccurred())
	kept := map[string][]string{}
	for {
		data, _, options, err := reader.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			return kept
		}
		Expect(err).NotTo(HaveOccurred())
		if len(data) > headers && data[12] == 8 && data[13] == 0 && data[23] == 17 {
			kept[string(data[headers:])] = options.Comments
		}
	}
}
