//go:build e2e

package peers_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/scenarios"
)

// thing is a namespace with the address of the library's devices, and its place for checks,
// in which programs from the list of things are found.
func thing(ctx context.Context) (*netns.Namespace, scenarios.Place) {
	GinkgoHelper()
	home := netnstest.New()
	netnstest.Shell(ctx, home, "ip link set lo up; ip addr add 192.168.50.10/32 dev lo")
	programs, err := filepath.Abs(installed("things", "."))
	Expect(err).NotTo(HaveOccurred())
	GinkgoT().Setenv("PATH", programs+":"+os.Getenv("PATH"))
	return home, scenarios.Place{Command: func(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
		command := home.Command(ctx, name, args...)
		return command.Cmd, command.Run
	}}
}

// judged is what the library's spec says of a device now.
func judged(ctx context.Context, name string, place scenarios.Place) harness.Outcome {
	GinkgoHelper()
	file, err := scenarios.Find(name)
	Expect(err).NotTo(HaveOccurred())
	spec := file.Scenarios[0]
	spec.Retry = scenarios.Retry{}
	scenario, err := (&scenarios.Engine{Place: place}).Scenario(spec)
	Expect(err).NotTo(HaveOccurred())
	return scenario.Check(ctx)
}

var _ = Describe("the library's spec for Tuya", Label("e2e"), func() {
	It("judges a device that tuyamock plays, by tinytuya", func(ctx SpecContext) {
		const key = "thisisarealkey00"
		home, place := thing(ctx)
		device := home.Command(context.Background(), installed("things", "tuyamock"), "--host", "192.168.50.10", "--version", "3.4", "--local-key", key)
		device.Stdout, device.Stderr = GinkgoWriter, GinkgoWriter
		Expect(device.Start()).To(Succeed())
		DeferCleanup(func() {
			_ = device.Process.Kill()
			_ = device.Wait() // it was killed
		})
		GinkgoT().Setenv("TUYA_KEY", key)
		Eventually(judged).WithArguments(ctx, "tuya", place).Within(time.Minute).Should(HaveField("Answer", harness.Pass))
		GinkgoT().Setenv("TUYA_KEY", "thisisanotherkey")
		Expect(judged(ctx, "tuya", place)).To(And(HaveField("Answer", harness.Fail), HaveField("Why", ContainSubstring("Check device key or version"))))
	}, SpecTimeout(10*time.Minute))
})

// plugInfo is what a Kasa plug says of itself.
const plugInfo = `{"get_sysinfo": {"sw_ver": "1.5.6", "hw_ver": "1.0", "type": "IOT.SMARTPLUGSWITCH", "model": "HS100(EU)", "mac": "50:C7:BF:00:00:01",
	"deviceId": "80", "hwId": "45", "fwId": "0", "oemId": "3D", "alias": "Plug", "dev_name": "Wi-Fi Smart Plug", "relay_state": 1, "on_time": 5,
	"active_mode": "none", "feature": "TIM", "updating": 0, "rssi": -50, "led_off": 0, "latitude": 0, "longitude": 0, "err_code": 0}}`

// veiled is a message as Kasa devices send it: each byte is combined with the one before.
func veiled(text []byte) []byte {
	const first = 171
	out, last := make([]byte, len(text)), byte(first)
	for i, b := range text {
		last ^= b
		out[i] = last
	}
	return out
}

func unveiled(text []byte) []byte {
	const first = 171
	out, last := make([]byte, len(text)), byte(first)
	for i, b := range text {
		out[i], last = last^b, b
	}
	return out
}

// plug answers one client as a Kasa plug without a meter does, until it leaves.
func plug(client net.Conn) error {
	defer client.Close()
	for {
		var size uint32
		if err := binary.Read(client, binary.BigEndian, &size); err != nil {
			return err
		}
		text := make([]byte, min(size, 1<<16))
		if _, err := io.ReadFull(client, text); err != nil {
			return err
		}
		answer := map[string]json.RawMessage{}
		if err := json.Unmarshal(unveiled(text), &answer); err != nil {
			return err
		}
		for module := range answer {
			answer[module] = json.RawMessage(`{"err_code": -1, "err_msg": "module not support"}`)
		}
		answer["system"] = json.RawMessage(plugInfo)
		said, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		if _, err := client.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(said))), veiled(said)...)); err != nil {
			return err
		}
	}
}

var _ = Describe("the library's spec for Kasa", Label("e2e"), func() {
	It("judges a small plug, by python-kasa", func(ctx SpecContext) {
		home, place := thing(ctx)
		listener, err := home.Listen(ctx, "tcp", "192.168.50.10:9999")
		Expect(err).NotTo(HaveOccurred())
		go func() {
			for {
				client, err := listener.Accept()
				if err != nil {
					return
				}
				go func() { _ = plug(client) }() // until the client leaves
			}
		}()
		Expect(judged(ctx, "kasa", place)).To(HaveField("Answer", harness.Pass))
		Expect(listener.Close()).To(Succeed())
		Expect(judged(ctx, "kasa", place)).To(HaveField("Answer", harness.Fail))
	}, SpecTimeout(10*time.Minute))
})
