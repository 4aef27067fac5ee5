-- The health of a WorkMailOrganization, for Argo CD. docs/gitops.md explains it.

local conditions = {}
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  conditions[condition.type] = condition
end

local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

local function health(status, message)
  return {
    status = status,
    message = message,
    -- Without a message for this, Argo CD says "Pending deletion" of whatever is being deleted.
    deletionMessage = obj.metadata.deletionTimestamp and message,
  }
end

local function as(status, type)
  return health(status, conditions[type].reason .. ": " .. conditions[type].message)
end

-- What is suspended is not observed: its condition says of which spec it speaks.
if holds("Suspended") and not holds("Stalled")
  and conditions.Suspended.observedGeneration == obj.metadata.generation then
  return as("Suspended", "Suspended")
end

if conditions.Ready == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not observed this generation yet.")
end

if holds("Stalled") then
  return as("Degraded", "Ready")
end

-- Work on its way, and faults that are expected to pass. What is Reconciling for any other reason is
-- retried as well, but waits for somebody to correct it.
local passing = {
  Progressing = true,
  Requested = true,
  Creating = true,
  Deleting = true,
  Throttled = true,
  ServiceUnavailable = true,
  OrganizationBusy = true,
  VerificationPending = true,
  Queued = true,
  Running = true,
  Verifying = true,
  ReadFailed = true,
}
if holds("Reconciling") then
  return as(passing[conditions.Reconciling.reason] and "Progressing" or "Degraded", "Ready")
end

if not holds("Ready") then
  return as("Unknown", "Ready")
end

-- Drift under Observe and domains that wait for DNS are no illness, but worth a word.
local message = conditions.Ready.message
for _, type in ipairs({ "Synced", "DomainsReady", "DNSEndpointReady" }) do
  if conditions[type] ~= nil and not holds(type) then
    message = message .. " " .. conditions[type].message
  end
end
return health("Healthy", message)
