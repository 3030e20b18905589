"""The Gateway API's definitions as the twin ships them: read from the published Go module, without their prose."""
