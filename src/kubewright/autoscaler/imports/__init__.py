"""ScalePolicies from what others scale by: KEDA's ScaledObjects and HorizontalPodAutoscalers. Pure."""
