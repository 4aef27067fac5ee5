//! What the operator writes to an object: its status and its finalizer.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    Context, Error,
    kubernetes::{api, bounded, get},
};
use crate::{
    api::{FIELD_MANAGER, FINALIZER, WorkMailOrganization, fit, may_hide},
    logic::organization::{Freshness, Report, Schema},
};

/// A write that must be made is not tried against more changes of others than this.
const MOST_CONFLICTS: usize = 5;

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
    let after = report.to_status(&before, now);
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
