package miio_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

// debianPython is the interpreter that Debian's packages are installed for.
const debianPython = "/usr/bin/python3"

var _ = Describe("a device made of python-miio's packets", Label("peer"), func() {
	var client *miio.Client

	BeforeEach(func(ctx SpecContext) {
		client = &miio.Client{Address: startPeer(ctx), Token: token(secret)}
	})

	It("answers our client", func(ctx SpecContext) {
		reply, err := client.Call(ctx, "get_status", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Result).To(MatchJSON(`[{"msg_ver":2,"state":8,"battery":100,"error_code":0}]`))
	}, SpecTimeout(time.Minute))

	It("understands what our client sends", func(ctx SpecContext) {
		params := []any{"Wohnzimmer ü 客厅 <&>", 1.5, map[string]any{"a": []any{}}}
		reply, err := client.Call(ctx, "echo", params)
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Result).To(MatchJSON(`["Wohnzimmer ü 客厅 <&>",1.5,{"a":[]}]`))
	}, SpecTimeout(time.Minute))

	It("makes our client know its errors", func(ctx SpecContext) {
		_, err := client.Call(ctx, "get_nothing", nil)
		Expect(as[*miio.DeviceError](err).Code).To(Equal(miio.CodeUnknownMethod))
	}, SpecTimeout(time.Minute))
})

// startPeer runs the device until the spec ends.
func startPeer(ctx SpecContext) netip.AddrPort {
	GinkgoHelper()
	requirePythonMiio(ctx)
	command := exec.Command(debianPython, "-W", "ignore", "testdata/device.py", secret)
	command.Stderr = GinkgoWriter
	input, err := command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	output, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() error {
		input.Close()
		return command.Wait()
	})
	var port uint16
	line, err := bufio.NewReader(output).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	Expect(fmt.Sscan(line, &port)).To(Equal(1))
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

func requirePythonMiio(ctx SpecContext) {
	GinkgoHelper()
	err := exec.CommandContext(ctx, debianPython, "-c", "import miio").Run()
	if err == nil {
		return
	}
	const remedy = "python-miio is not there: apt-get install python3-miio"
	if os.Getenv("CI") != "" {
		Fail(remedy)
	}
	Skip(remedy)
}
