-- How Argo CD judges an AppService: by kstatus' conditions, and only by what was said of the present generation.
local health = { status = "Progressing", message = "Waiting for the platform to look at it" }
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
  return health
end
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end
local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end
local ready, stalled = found["Ready"], found["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = stalled.message }
end
if ready == nil then
  return health
end
local rollout = obj.spec.rollout
if ready.reason == "Suspended" or (ready.status ~= "True" and rollout ~= nil and rollout.paused) then
  return { status = "Suspended", message = ready.message }
end
if ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
return { status = "Progressing", message = ready.message }
