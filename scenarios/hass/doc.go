// Package hass asks a Home Assistant what it thinks of a device: over WebSocket
// where that tells more, and over REST.
//
// [Client.Refresh] makes it poll the device now, and [Client.State] reads what
// came of that. Both are needed: Home Assistant discards an update that brings
// nothing new, so an old time of the last update does not prove that no poll
// took place, and a service call succeeds even where the device did not answer,
// since integrations swallow their devices' errors. Only the state tells. Polls
// that are asked for too soon after one another are put off: see [Cooldown].
//
// An error here is never about the device. [*SetupError] is one that its reader
// can put right, and says how; [*ServerError] is Home Assistant's own trouble;
// any other means that it could not be asked.
//
// Services are called over WebSocket, which says why a call failed and when a
// state has changed; where a proxy lets none through, over REST.
//
// The APIs are those of https://developers.home-assistant.io/docs/api/rest/ and
// https://developers.home-assistant.io/docs/api/websocket/.
package hass
