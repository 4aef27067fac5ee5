//! What goes to the Kubernetes API: status, finalizer, events. Each write is bounded in time.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::{
    api::{
        core::v1::{Namespace, ObjectReference},
        events::v1::Event,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, CustomResourceExt, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::timeout;

use super::{Context, Error, error::Refusal, refusals};
use crate::{
    api::{
        AcceptedDeletion, Condition, DomainStatus, Drift, EventReason, FIELD_MANAGER, FINALIZER,
        WorkMailOrganization, WorkMailOrganizationStatus, fit, may_hide,
    },
    logic::{
        EventKind, ObjectEvent, ObjectKey, Verdict,
        organization::{MailDomain, Memory, Report, Schema, Scope, Shown, ShownDomain},
    },
};

/// No call to the Kubernetes API is waited for longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A write that must be made is not tried against more changes of others than this.
const MOST_CONFLICTS: usize = 5;

/// An object is named in events by at most this much of its name: an event's name has a suffix of
/// its own, and 253 characters in all.
const LONGEST_NAME: usize = 220;

/// Whether a write is made only on a fresh view of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Refused if anybody changed the object meanwhile.
    Required,
    /// Made all the same, as long as it is the same object.
    Waived,
}

/// Makes one call, with a deadline, and tells conflicts, absence and refusals apart from other errors.
/// `what` completes the sentence "allow the operator to …".
pub(super) async fn bounded<T>(
    what: &'static str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, Error> {
    match timeout(DEADLINE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Error::Gone),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Error::Stale),
        Ok(Err(kube::Error::Api(status))) if Refusal::is_one(&status) => {
            Err(Error::Refused(Refusal { what, status }))
        }
        Ok(Err(source)) => Err(Error::Kubernetes { what, source }),
        Err(_) => Err(Error::Late { what }),
    }
}

fn api(context: &Context, object: &WorkMailOrganization) -> Api<WorkMailOrganization> {
    Api::namespaced(
        context.client.clone(),
        object.namespace().as_deref().unwrap_or_default(),
    )
}

/// The object as it is now.
pub(super) async fn get(
    context: &Context,
    object: &WorkMailOrganization,
) -> Result<WorkMailOrganization, Error> {
    let api = api(context, object);
    bounded("read this resource", api.get(&object.name_any())).await
}

/// Writes a status if it says anything else than the object's. Gives the object as it then is.
///
/// The status is ours alone and replaced whole: that costs the API server less than a patch or an
/// apply (docs/performance.md).
pub(super) async fn status(
    context: &Context,
    object: Arc<WorkMailOrganization>,
    report: &Report,
    freshness: Freshness,
    now: Timestamp,
) -> Result<Arc<WorkMailOrganization>, Error> {
    let before = object.status.clone().unwrap_or_default();
    let after = to_status(report, &before, now);
    if after == before {
        return Ok(object);
    }
    let wanted = |name: &str| {
        let mut domains = object.spec.domains.iter();
        domains.any(|domain| domain.domain_name == name)
    };
    let after = fit(after, wanted);
    if after == before {
        return Ok(object);
    }
    if would_lose(context, &object).await? {
        return Err(Error::Hidden);
    }
    let mut whole = WorkMailOrganization {
        status: Some(after),
        ..WorkMailOrganization::clone(&object)
    };
    // The API server keeps them; an empty list would clear them.
    whole.metadata.managed_fields = None;
    let ours = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    for _ in 0..MOST_CONFLICTS {
        context.registry.expect(&whole);
        let api = api(context, &object);
        let name = object.name_any();
        let write = api.replace_status(&name, &ours, &whole);
        match bounded("write the status of this resource", write).await {
            Err(Error::Stale) if freshness == Freshness::Waived => {
                let live = get(context, &object).await?;
                if live.uid() != object.uid() {
                    return Err(Error::Gone);
                }
                whole.metadata.resource_version = live.resource_version();
                whole.metadata.finalizers = live.metadata.finalizers;
            }
            answer => {
                let written = answer?;
                context.registry.expect(&written);
                return Ok(Arc::new(written));
            }
        }
    }
    Err(Error::Stale)
}

/// Whether any write of the object would lose what an older definition of the kind hides.
async fn would_lose(context: &Context, object: &WorkMailOrganization) -> Result<bool, Error> {
    match context.schema() {
        Schema::Complete => Ok(false),
        Schema::Unread => Ok(true),
        Schema::Lacks(missing) => {
            // The cache leaves out who wrote which field.
            let live = get(context, object).await?;
            Ok(may_hide(live.metadata.managed_fields.as_deref(), &missing))
        }
    }
}

/// Puts our finalizer on the object, or takes it off, if the view of the object is fresh.
pub(super) async fn finalizer(
    context: &Context,
    object: &WorkMailOrganization,
    present: bool,
) -> Result<WorkMailOrganization, Error> {
    let mut finalizers: Vec<_> = object
        .finalizers()
        .iter()
        .filter(|one| *one != FINALIZER)
        .cloned()
        .collect();
    if present {
        finalizers.push(FINALIZER.to_owned());
    }
    let mut expected = object.clone();
    expected.metadata.finalizers = Some(finalizers.clone());
    context.registry.expect(&expected);
    let by_us = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(),
        "finalizers": finalizers,
    }});
    let what = if present {
        "set its finalizer on this resource"
    } else {
        "remove its finalizer from this resource"
    };
    bounded(
        what,
        api(context, object).patch(&object.name_any(), &by_us, &Patch::Merge(&patch)),
    )
    .await
}

/// Whether the object's namespace and the CRD stay, and are those it was made in, by live reads.
pub(super) async fn scope(
    context: &Context,
    object: &WorkMailOrganization,
) -> Result<Scope, Error> {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let namespace = object.namespace().unwrap_or_default();
    match bounded("read the namespace", namespaces.get_opt(&namespace)).await? {
        Some(namespace) if namespace.meta().deletion_timestamp.is_none() => {
            if is_younger(&namespace, object) {
                return Ok(Scope::NamespaceRemade);
            }
        }
        Some(_) | None => return Ok(Scope::NamespaceLeaves),
    }
    let definitions = Api::all(context.client.clone());
    match definition(&definitions).await? {
        Some(definition) if definition.meta().deletion_timestamp.is_none() => {
            Ok(if is_younger(&definition, object) {
                Scope::DefinitionRemade
            } else {
                Scope::Stays
            })
        }
        Some(_) | None => Ok(Scope::DefinitionLeaves),
    }
}

/// The definition of the kind, by a live read.
pub(super) async fn definition(
    definitions: &Api<CustomResourceDefinition>,
) -> Result<Option<CustomResourceDefinition>, Error> {
    let read = definitions.get_opt(WorkMailOrganization::crd_name());
    bounded("read its CustomResourceDefinition", read).await
}

/// Whether this was made after the object, so that it is not the one that the object was made under.
fn is_younger(one: &impl ResourceExt, object: &WorkMailOrganization) -> bool {
    one.creation_timestamp() > object.creation_timestamp()
}

/// Whether another object of the kind exists, by a live read. One that cannot be read does.
pub(super) async fn lives(context: &Context, namespace: &str, name: &str) -> bool {
    let api: Api<WorkMailOrganization> = Api::namespaced(context.client.clone(), namespace);
    match bounded(
        "read the owner that the tags name",
        api.get_metadata_opt(name),
    )
    .await
    {
        Ok(owner) => owner.is_some(),
        Err(error) => {
            let owner = format!("{namespace}/{name}");
            tracing::warn!(owner, %error, "the owner that the tags name cannot be read; it counts as alive");
            true
        }
    }
}

/// Sends an event about the object. One that cannot be sent is logged: nothing depends on it, and a
/// namespace that is being deleted takes none. One that is refused is kept, to be sent later.
pub(super) async fn event(context: &Context, object: &ObjectKey, note: &ObjectEvent) {
    let (type_, reason) = match note.kind {
        EventKind::Normal(reason) => ("Normal", reason.as_str()),
        EventKind::Warning(reason) => ("Warning", reason.as_str()),
        EventKind::Alert(reason) => ("Warning", reason.as_str()),
    };
    tracing::info!(object = %object, reason, "{}", note.message);
    if note.kind == EventKind::Normal(EventReason::Retained) {
        context.metrics.retained();
    }
    let now = Timestamp::now();
    let short: String = object.name.chars().take(LONGEST_NAME).collect();
    let event = Event {
        metadata: ObjectMeta {
            name: Some(format!(
                "{}.{:x}",
                short.trim_end_matches(['.', '-']),
                now.as_nanosecond()
            )),
            namespace: Some(object.namespace.to_string()),
            ..ObjectMeta::default()
        },
        type_: Some(type_.to_owned()),
        reason: Some(reason.to_owned()),
        // An event's note has at most 1024 bytes.
        note: Some(shorten(&note.message, 1024)),
        action: Some("Reconcile".to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(WorkMailOrganization::api_version(&()).into_owned()),
            kind: Some(WorkMailOrganization::kind(&()).into_owned()),
            namespace: Some(object.namespace.to_string()),
            name: Some(object.name.to_string()),
            uid: Some(object.uid.to_string()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(context.settings.replica.clone()),
        event_time: Some(MicroTime(now)),
        ..Event::default()
    };
    let events: Api<Event> = Api::namespaced(context.client.clone(), &object.namespace);
    let sent = bounded(
        "create events",
        events.create(&PostParams::default(), &event),
    )
    .await;
    if let Err(error) = sent {
        tracing::warn!(%object, reason, %error, "an event could not be sent");
        if let Error::Refused(mut refusal) = error {
            // Each event has another name, and the sentence goes into a condition.
            let said = &mut refusal.status.message;
            *said = said.replace(&event.name_any(), &object.name);
            refusals::keep_event(context, object, note, &refusal);
        }
    }
}

fn shorten(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Puts a report and the times together.
fn to_status(
    report: &Report,
    before: &WorkMailOrganizationStatus,
    now: Timestamp,
) -> WorkMailOrganizationStatus {
    let Report {
        observed_generation,
        memory,
        shown,
        handled,
        verdicts,
        notes: _,
    } = report.clone();
    let Memory {
        organization_id,
        origin,
        created_at,
        account,
        region,
        pending,
        deletion_accepted,
        owner,
        managed_tag_keys,
        managed_domains,
    } = memory;
    let Shown {
        seen,
        state,
        error_message,
        arn,
        directory_id,
        directory_type,
        default_domain,
        completed_date,
        migration_admin,
        interoperability_enabled,
        domains,
        drift,
        planned_calls,
        omitted,
    } = shown;
    WorkMailOrganizationStatus {
        observed_generation: observed_generation.or(before.observed_generation),
        organization_id: organization_id.or(seen).map(|id| id.to_string()),
        origin,
        created_at,
        arn,
        account_id: account.map(|account| account.to_string()),
        region: region.map(|region| region.to_string()),
        state: state.map(|state| state.as_str().to_owned()),
        error_message,
        directory_id,
        directory_type,
        default_domain,
        completed_date,
        migration_admin,
        interoperability_enabled,
        pending,
        deletion: deletion_accepted.map(|accepted_at| AcceptedDeletion { accepted_at }),
        managed_tag_keys: managed_tag_keys.into_iter().collect(),
        owner,
        domains: domains
            .into_iter()
            .map(|(name, shown)| domain(name, shown, &managed_domains))
            .collect(),
        drift: drift.into_iter().map(Drift::from).collect(),
        planned_calls,
        omitted,
        last_handled_reconcile_at: handled,
        conditions: verdicts
            .into_iter()
            .map(|verdict| condition(verdict, before, now))
            .collect(),
    }
}

fn domain(name: String, shown: ShownDomain, managed: &BTreeSet<String>) -> DomainStatus {
    let ShownDomain {
        domain,
        pending_since,
        records_omitted,
    } = shown;
    let MailDomain {
        is_default,
        is_test_domain,
        details,
    } = domain.unwrap_or_default();
    let (ownership, dkim, records) = details.map_or_else(Default::default, |details| {
        let words = [details.ownership, details.dkim].map(|word| word.as_str().to_owned());
        let [ownership, dkim] = words.map(Some);
        (ownership, dkim, details.records)
    });
    DomainStatus {
        managed: managed.contains(&name),
        domain_name: name,
        is_default,
        is_test_domain,
        ownership,
        dkim,
        pending_since,
        records,
        records_omitted,
    }
}

/// A condition keeps its time as long as its status stays.
fn condition(verdict: Verdict, before: &WorkMailOrganizationStatus, now: Timestamp) -> Condition {
    let since = before
        .condition(verdict.kind)
        .filter(|old| old.status == verdict.status)
        .map_or_else(
            // Whole seconds, as Kubernetes has them; cut off, so that no time lies ahead.
            || Timestamp::from_second(now.as_second()).unwrap_or(now),
            |old| old.last_transition_time,
        );
    Condition {
        r#type: verdict.kind.as_str().to_owned(),
        status: verdict.status,
        observed_generation: verdict.generation,
        last_transition_time: since,
        reason: verdict.reason,
        message: verdict.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ConditionStatus, ConditionType};

    fn verdict(status: ConditionStatus, message: &str) -> Verdict {
        Verdict {
            kind: ConditionType::Ready,
            status,
            reason: "Active".into(),
            message: message.into(),
            generation: 1,
        }
    }

    #[test]
    fn the_transition_time_moves_with_the_status_and_with_nothing_else() {
        let (first, second) = (
            Timestamp::from_second(100).unwrap(),
            Timestamp::from_second(200).unwrap(),
        );
        let mut status = WorkMailOrganizationStatus::default();
        let before = condition(verdict(ConditionStatus::True, "one"), &status, first);
        status.conditions.push(before);
        let other_message = condition(verdict(ConditionStatus::True, "two"), &status, second);
        assert_eq!(other_message.last_transition_time, first);
        let other_status = condition(verdict(ConditionStatus::False, "two"), &status, second);
        assert_eq!(other_status.last_transition_time, second);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shorten("aé", 2), "a");
        assert_eq!(shorten("ab", 2), "ab");
    }
}
