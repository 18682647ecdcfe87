// Package hub makes one laboratory of the gateways of several machines.
//
// A [Hub] has a NATS server with JetStream, or uses one that exists. Agents connect to it,
// never the other way. A [Link] is an agent's connection.
//
// # Records
//
// An agent's run files are its outbox: [Link.Send] sends each record of a run file to a
// stream, and the hub appends it to a run file in its own directory. The hub's file has the same bytes in
// its journal, so that every command that reads run files reads it.
//
// Neither side keeps a note of how far it came. The agent asks the stream for the last record
// of the run. The hub reads the whole stream each time it starts, and its run files reject
// what does not follow: see [runfile.File.Receive]. What is on its disk it removes from the
// stream, except for the last record of each run. If a record is missing, the hub
// removes them all, and the agent begins with the first one. So the hub can be rebuilt from run files, and
// a record that comes twice, late or out of order changes nothing.
//
// # Devices
//
// A device with a MAC address belongs to one agent at a time: [Link.Hold]. It is that
// agent's until the agent returns it, or the user takes it away ([Release]). No time limit
// frees it: an agent that is cut off continues its experiment, and the device stays wired to it.
//
// # The queue
//
// The hub's user queues tests of devices ([Directory.Queue]), and the agent that has a device carries its entry out: [Link.Offer],
// [Link.Take] and [Link.Report]. An entry's id is that of the run.
//
// # Devices that are lent
//
// An agent lends a device ([Link.Lend]), and another one has it as a lane of an experiment ([Link.Borrow]). The hub
// relays what they say. The device stays the lender's, which alone decides which borrower it serves.
//
// # Who may do what
//
// Each agent has a key (NKey) in a file that the hub writes once: [Directory.Add]. With it, the agent may
// send records and requests under its own name only, and receives nothing of other
// agents. Connections use TLS, and agents accept only the certificate that the same file names.
package hub
