package lab

import (
	"context"
	"net/http"
	"slices"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// assistantVersion is the Home Assistant whose answers the stand-in gives: the
// first that says when a state was last reported.
const assistantVersion = "2024.4.0"

// caller is one connection to the stand-in's WebSocket API, as in
// https://developers.home-assistant.io/docs/api/websocket/. It serves what it
// takes to follow an entity: what is asked for one after another, and changes as
// they come.
type caller struct {
	home    *assistant
	conn    *websocket.Conn
	changes chan change
	follows map[int]func(change) any // what a subscription, by its id, is told of a change
	last    int                      // the highest id so far
}

// change is an entity's state before and after.
type change struct{ old, new entity }

// fields is a JSON object.
type fields = map[string]any

// serveSocket keeps a connection until either side has enough.
func (a *assistant) serveSocket(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if !a.enter(ctx) {
		return
	}
	defer a.work.Done()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	c := &caller{home: a, conn: conn, changes: make(chan change, 64), follows: map[int]func(change) any{}}
	if !c.authenticate(ctx) {
		_ = conn.Close(websocket.StatusNormalClosure, "")
		return
	}
	a.listen(c.changes)
	defer a.ignore(c.changes)
	_ = c.serve(ctx) // whatever ends it, the caller has gone
}

// enter counts a connection as work to be waited for, unless all is over.
func (a *assistant) enter(ctx context.Context) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	a.work.Add(1)
	return true
}

func (a *assistant) listen(changes chan change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners = append(a.listeners, changes)
}

func (a *assistant) ignore(changes chan change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners = slices.DeleteFunc(a.listeners, func(other chan change) bool { return other == changes })
}

// authenticate asks for the token. Nothing else is heard before.
func (c *caller) authenticate(ctx context.Context) bool {
	if wsjson.Write(ctx, c.conn, fields{"type": "auth_required", "ha_version": assistantVersion}) != nil {
		return false
	}
	var said command
	if wsjson.Read(ctx, c.conn, &said) != nil {
		return false
	}
	if said.Type != "auth" || said.Token != c.home.bearer {
		_ = wsjson.Write(ctx, c.conn, fields{"type": "auth_invalid", "message": "Invalid access token or password"})
		return false
	}
	return wsjson.Write(ctx, c.conn, fields{"type": "auth_ok", "ha_version": assistantVersion}) == nil
}

// serve obeys commands and tells changes, until reading or writing fails.
func (c *caller) serve(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	commands := make(chan command)
	c.home.work.Go(func() {
		for {
			var next command
			if err := wsjson.Read(ctx, c.conn, &next); err != nil {
				end(err)
				return
			}
			select {
			case commands <- next:
			case <-ctx.Done():
				return
			}
		}
	})
	defer end(nil)
	for {
		var err error
		select {
		case next := <-commands:
			err = c.obey(ctx, next)
		case changed := <-c.changes:
			err = c.tell(ctx, changed)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}
