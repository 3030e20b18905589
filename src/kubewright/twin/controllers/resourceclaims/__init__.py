"""Resource claims for pods: made from templates, one for each pod."""
