-- Replaces the pods, a few at a time, as `kubectl rollout restart` does.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["kubewright.dev/restarted-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
