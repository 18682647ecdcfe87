package capture

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/needwant/needwant/internal/sudo"
)

// File is a pcapng file that several taps write to.
type File struct {
	mutex   sync.Mutex
	file    *os.File
	writer  *pcapgo.NgWriter // from the first tap on
	failure error            // why nothing more is written
}

// Create makes the file, which must not exist yet. Nobody else may read it.
func Create(path string) (*File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a file for packets: %w: choose another name, or check the folder", err)
	}
	sudo.Give(file)
	return &File{file: file}, nil
}

// add describes one more link, and returns its number in the file.
func (f *File) add(name string) (number int, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	about := pcapgo.NgInterface{
		Name: name, Description: "the gateway's link to the device", LinkType: layers.LinkTypeEthernet,
		OS: "linux", TimestampResolution: 9, // of 10 to the minus
	}
	if f.writer == nil {
		f.writer, err = pcapgo.NewNgWriterInterface(f.file, about, pcapgo.NgWriterOptions{
			SectionInfo: pcapgo.NgSectionInfo{Application: "needwant", OS: "linux", Comment: "Comments tell the trial of each packet."},
		})
	} else {
		number, err = f.writer.AddInterface(about)
	}
	if err != nil {
		return 0, fmt.Errorf("describing %s in the file for packets: %w", name, err)
	}
	return number, nil
}

// write adds a packet. After a failure nothing more is written: what there is
// stays whole.
func (f *File) write(info gopacket.CaptureInfo, data []byte, comments []string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failure == nil {
		f.failure = f.writer.WritePacketWithOptions(info, data, pcapgo.NgPacketOptions{Comments: comments})
	}
}

// fail notes why nothing more comes.
func (f *File) fail(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.failure = errors.Join(f.failure, err)
}

// lost tells at the end how many packets of a link did not get here.
func (f *File) lost(link int, received, dropped uint64) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failure == nil {
		f.failure = f.writer.WriteInterfaceStats(link, pcapgo.NgInterfaceStatistics{PacketsReceived: received, PacketsDropped: dropped})
	}
}

// Flush hands what was written to the disk.
func (f *File) Flush() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failure == nil && f.writer != nil {
		f.failure = f.writer.Flush()
	}
}

// Close ends the file, once its taps are closed. The error says why it is not
// whole.
func (f *File) Close() error {
	f.Flush()
	if err := errors.Join(f.failure, f.file.Close()); err != nil {
		return fmt.Errorf("the packets in %s are not all there: %w", f.file.Name(), err)
	}
	return nil
}
