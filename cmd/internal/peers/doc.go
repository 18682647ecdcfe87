// Package peers holds the specs with the programs that people really use: a
// whole Home Assistant, python-miio, and the npm packages miio and
// home-assistant-js-websocket, against the simulated device and its home. They
// are built with the tag e2e; make e2e fetches the programs and runs them. There
// is nothing to import.
package peers
