//! The served definition of a kind: read at the start and watched, so that an older one, which hides
//! fields of the objects, is known before anything is done for them.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use futures::TryStreamExt;
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{WatchEvent, WatchParams},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Context,
    kubernetes::definition as read,
    registry,
    run::{WATCH, WATCH_SECONDS, Watched},
};
use crate::{
    api::{WorkMailOrganization, missing_fields},
    logic::{
        organization::Schema,
        schedule::{DEFINITION_MISSING, DEFINITION_SETTLES, DEFINITION_UNREAD},
    },
};

/// A kind whose definition is watched.
#[derive(Clone, Copy)]
pub(super) struct Kind<'a> {
    /// The name of its definition.
    pub(super) name: &'static str,
    /// What the served definition has.
    pub(super) schema: &'a watch::Sender<Schema>,
    /// Its objects, as far as they are reconciled one by one.
    pub(super) watched: &'a [Watched],
}

impl Kind<'_> {
    fn schema(self) -> Schema {
        self.schema.borrow().clone()
    }

    /// Records what the definition has. Returns whether that has changed.
    fn set_schema(self, schema: Schema) -> bool {
        self.schema.send_if_modified(|known| {
            let has_changed = *known != schema;
            *known = schema;
            has_changed
        })
    }

    fn objects(self) -> impl Iterator<Item = Arc<WorkMailOrganization>> {
        self.watched.iter().flat_map(Watched::objects)
    }
}

/// Keeps what is known of the definition. Never returns.
pub(super) async fn run(context: &Context, kind: Kind<'_>) {
    let definitions: Api<CustomResourceDefinition> = Api::all(context.client.clone());
    loop {
        match read(&definitions, kind.name).await {
            Ok(Some(definition)) => {
                if record(context, kind, &definitions, &definition).await {
                    changed(kind.name, &definitions, &definition).await;
                }
            }
            Ok(None) => {
                tracing::error!(
                    definition = kind.name,
                    "the CustomResourceDefinition is not there: apply the operator's CRDs; it is \
                     looked for again every minute"
                );
                lacks(context, kind, [kind.name.to_owned()].into());
                sleep(DEFINITION_MISSING).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the CustomResourceDefinition cannot be read; it is tried again");
                sleep(DEFINITION_UNREAD).await;
            }
        }
    }
}

/// Records a definition. Returns false if it changed before every API server served it.
async fn record(
    context: &Context,
    kind: Kind<'_>,
    definitions: &Api<CustomResourceDefinition>,
    definition: &CustomResourceDefinition,
) -> bool {
    let missing = missing_fields(definition);
    if !missing.is_empty() {
        lacks(context, kind, missing);
        return true;
    }
    let wait = match kind.schema() {
        Schema::Complete => return true,
        Schema::Lacks(_) => DEFINITION_SETTLES,
        Schema::Unread => unsettled(definition, Timestamp::now()),
    };
    if !wait.is_zero() {
        sleep(wait).await;
        let now = read(definitions, kind.name).await;
        let is_same = matches!(&now, Ok(Some(now)) if now.metadata.generation == definition.metadata.generation);
        if !is_same {
            return false;
        }
        // What the cache has from before may lack fields, and has the same version as what is now shown.
        for object in kind.objects() {
            let version = object.resource_version();
            context.process.overwrote(&registry::key(&object), version);
        }
    }
    let was_outdated = kind.schema() != Schema::Unread;
    kind.set_schema(Schema::Complete);
    if was_outdated {
        tracing::info!(
            definition = kind.name,
            "the CustomResourceDefinition has every field now; work goes on"
        );
        kind.objects()
            .for_each(|object| context.trigger(registry::key(&object)));
    }
    true
}

fn lacks(context: &Context, kind: Kind<'_>, missing: BTreeSet<String>) {
    let fields: Vec<_> = missing.iter().map(String::as_str).collect();
    let fields = fields.join(", ");
    if kind.set_schema(Schema::Lacks(missing)) {
        tracing::error!(
            definition = kind.name,
            missing = fields,
            "the CustomResourceDefinition is older than this operator: apply the operator's CRDs. \
             Until then nothing is changed in AWS"
        );
        kind.objects()
            .for_each(|object| context.trigger(registry::key(&object)));
    }
}

/// How long to wait for a definition that was changed just before it was first read. One that was never
/// changed hides nothing.
fn unsettled(definition: &CustomResourceDefinition, now: Timestamp) -> Duration {
    if definition.metadata.generation.unwrap_or_default() <= 1 {
        return Duration::ZERO;
    }
    let writers = definition.metadata.managed_fields.iter().flatten();
    let of_spec = writers.filter(|writer| writer.subresource.is_none());
    let last = of_spec.filter_map(|writer| writer.time.as_ref()).max();
    let age = last.map(|last| Duration::try_from(now.duration_since(last.0)).unwrap_or_default());
    age.map_or(Duration::ZERO, |age| DEFINITION_SETTLES.saturating_sub(age))
}

/// Waits until the definition may be another one.
async fn changed(
    name: &str,
    definitions: &Api<CustomResourceDefinition>,
    definition: &CustomResourceDefinition,
) {
    let fields = format!("metadata.name={name}");
    let watch = WatchParams::default()
        .fields(&fields)
        .timeout(WATCH_SECONDS);
    let version = definition.resource_version().unwrap_or_default();
    let ended = timeout(WATCH + DEFINITION_UNREAD, async {
        let mut events = pin!(definitions.watch(&watch, &version).await?);
        while let Some(event) = events.try_next().await? {
            match event {
                WatchEvent::Added(now) | WatchEvent::Modified(now)
                    if now.metadata.generation == definition.metadata.generation => {}
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Added(_)
                | WatchEvent::Modified(_)
                | WatchEvent::Deleted(_)
                | WatchEvent::Error(_) => break,
            }
        }
        Ok::<_, kube::Error>(())
    });
    if let Ok(Err(error)) = ended.await {
        tracing::warn!(%error, "the CustomResourceDefinition cannot be watched; it is read again soon");
        sleep(DEFINITION_UNREAD).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A definition of that generation, whose spec was written at noon and whose status later.
    fn definition(generation: i64) -> CustomResourceDefinition {
        let mut definition = crate::api::crd();
        definition.metadata.generation = Some(generation);
        let writers = json!([
            {"manager": "helm", "operation": "Update", "time": "2026-11-28T12:00:00Z"},
            {"manager": "kube-apiserver", "operation": "Update", "subresource": "status",
             "time": "2026-11-28T12:00:09Z"},
        ]);
        definition.metadata.managed_fields = serde_json::from_value(writers).unwrap();
        definition
    }

    #[test]
    fn only_a_definition_that_was_just_changed_is_waited_for() {
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let (soon, later) = (at("2026-11-28T12:00:04Z"), at("2026-11-28T12:00:30Z"));
        assert_eq!(unsettled(&definition(2), soon), Duration::from_secs(6));
        assert_eq!(unsettled(&definition(2), later), Duration::ZERO);
        assert_eq!(unsettled(&definition(1), soon), Duration::ZERO, "it is new");
        let behind = at("2026-11-28T11:00:00Z");
        assert_eq!(
            unsettled(&definition(2), behind),
            DEFINITION_SETTLES,
            "at most that"
        );
    }
}
