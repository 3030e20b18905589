"""The Endpoints and EndpointSlice controllers: the ready pods behind each service."""
