// Package hass asks a Home Assistant what it thinks of a device: over WebSocket
// where that tells more, and over REST.
//
// [Client.Refresh] asks it to poll the device, and [Client.State] reads what came
// of that. Neither proves a poll. A service call succeeds even if the device did
// not answer, since integrations hide their devices' errors, and even if the
// poll is deferred: see [Cooldown]. Package scenarios looks for packets.
//
// An error here is never about the device. [*SetupError] is one that its reader
// can fix, and says how; [*AbsentError] is a Home Assistant that is not there now;
// [*ServerError] is its own trouble; any other means that it could not be asked.
//
// Services are called over WebSocket, which says why a call failed and when a
// state has changed; where a proxy lets none through, over REST.
//
// The APIs are those of https://developers.home-assistant.io/docs/api/rest/ and
// https://developers.home-assistant.io/docs/api/websocket/.
package hass
