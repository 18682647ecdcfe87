package lab

import "github.com/needwant/needwant/internal/yamlfile"

// Error says what is wrong with a world, where, and what to do about it.
type Error = yamlfile.Error
