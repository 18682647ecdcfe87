// Package miio speaks miIO, the local protocol of Xiaomi's devices: encrypted
// JSON in single UDP datagrams to port 54321.
//
// A [Packet] is one datagram, with its body still encrypted. [Parse] and
// [Packet.Bytes] convert it; [Seal] and [Packet.Open] encrypt and decrypt the
// body with the device's [Token]. A [Request] and a [Response] are what the
// body says; [ReadRequest] and [ReadResponse] accept the JSON that real devices
// send, which often is not quite JSON. All of this serves both ends.
//
// A [Client] is the end that asks. A device first answers a hello with its id
// and its clock; from then on it accepts packets whose stamp is close to that
// clock, and drops all others without a word. The client therefore repeats the
// hello when its knowledge has grown old or an answer did not come.
//
// The format is that of python-miio 0.5, npm miio 0.15 and Valetudo, checked
// against datagrams captured from a device.
package miio
