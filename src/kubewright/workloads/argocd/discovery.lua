-- The actions that Argo CD offers for an AppService.
local spec = obj.spec
local job = spec.kind == "job" or spec.schedule ~= nil
local paused = spec.rollout ~= nil and spec.rollout.paused == true
return {
  ["restart"] = { ["disabled"] = job },
  ["pause"] = { ["disabled"] = job or paused },
  ["resume"] = { ["disabled"] = not paused },
}
