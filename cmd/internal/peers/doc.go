// Package peers holds tests with programs that people really use, against the
// simulated device and its home: two releases of Home Assistant, python-miio with its
// simulators of devices, chronyd, systemd-timesyncd, ntpdig, curl, dig, and the npm packages
// miio and home-assistant-js-websocket.
// They are built with the tag e2e; make e2e fetches the programs and runs them.
// There is nothing to import.
package peers
