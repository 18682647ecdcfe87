package radio

// OrNone is what stands for a failure.
var OrNone = orNone
