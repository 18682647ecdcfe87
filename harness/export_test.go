package harness

// RankTest is for the specs.
var RankTest = rankTest
