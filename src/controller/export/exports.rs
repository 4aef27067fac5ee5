//! What the reconciles of all exports share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use k8s_openapi::jiff::{SignedDuration, Timestamp, tz::TimeZone};
use kube::{
    Resource, ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    pool::Pool,
    watching::{Feed, Wake},
};
use crate::{
    api::{
        ConditionType, Destination, ExportState, ManagementPolicy, RECONCILE_REQUESTED_AT,
        WorkMailMailboxExport, WorkMailOrganization, WorkMailOrganizationExport,
    },
    aws::{CallError, Organizations},
    controller::{Context, context::ended, places::Place},
    logic::{
        AccountId, ObjectKey, OrganizationId, Region, Retry,
        account::{Access, Applicant},
        export::{
            Entity, SourceFacts,
            mailbox::{Controller, Desired, Limits, Recorded, View},
        },
        schedule::{EXPORT_LOOKS_AGAIN, Failures, MANIFEST_WRITES},
    },
    proof::{Head, Inspection},
};

/// What the reconciles of all exports share.
pub(in crate::controller) struct Exports {
    pub(super) context: Arc<Context>,
    pub(super) mailboxes: Vec<Store<WorkMailMailboxExport>>,
    parents: Vec<Store<WorkMailOrganizationExport>>,
    organizations: Vec<Store<WorkMailOrganization>>,
    wakes: Vec<Wake>,
    pools: Mutex<HashMap<OrganizationId, Arc<Pool>>>,
    /// Of each object: the version of its last write, and its failures in a row.
    known: Mutex<HashMap<ObjectKey, Known>>,
    has_begun: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Known {
    written: Option<String>,
    failures: Failures,
    /// What others write, as the watch last showed it.
    by_others: Option<u64>,
    state: Option<(&'static str, &'static str)>,
    /// When the status was last written.
    status_written: Option<Instant>,
    /// The state and the reason of a mailbox export, as the watch last showed them.
    shown: (Option<ExportState>, Option<String>),
    /// The organization that the status of an organization export has: the cache may not show it yet.
    organization: Option<OrganizationId>,
    /// When the manifest of an organization export could not be written.
    manifest_refused: Option<Instant>,
    /// The zip of a mailbox export, where a reconcile ended before its directory was read.
    inspection: Option<(Head, Inspection)>,
}

impl Exports {
    /// Returns what is shared, and what feeds the controllers of each namespace.
    pub(super) fn new(
        context: Arc<Context>,
        organizations: Vec<Store<WorkMailOrganization>>,
        namespaces: &[Option<String>],
    ) -> (Self, Vec<Feed>) {
        let (mut mailboxes, mut parents, mut wakes, mut feeds) = (vec![], vec![], vec![], vec![]);
        for namespace in namespaces {
            let (to_mailboxes, of_mailboxes) = mpsc::unbounded_channel();
            let (to_parents, of_parents) = mpsc::unbounded_channel();
            wakes.push(Wake {
                namespace: namespace.clone(),
                mailboxes: to_mailboxes,
                parents: to_parents,
            });
            let feed = Feed::new(namespace.clone(), of_mailboxes, of_parents);
            mailboxes.push(feed.mailboxes.clone());
            parents.push(feed.parents.clone());
            feeds.push(feed);
        }
        let exports = Self {
            context,
            mailboxes,
            parents,
            organizations,
            wakes,
            pools: Mutex::default(),
            known: Mutex::default(),
            has_begun: watch::Sender::new(false),
        };
        (exports, feeds)
    }

    /// Lets reconciles begin.
    pub(super) fn begin(&self) {
        self.has_begun.send_replace(true);
    }

    /// Whether the objects of every namespace were listed.
    pub(in crate::controller) fn are_listed(&self) -> bool {
        let mailboxes = self.mailboxes.iter();
        let mut mailboxes =
            mailboxes.map(|store| store.wait_until_ready().now_or_never().is_some());
        let parents = self.parents.iter();
        let mut parents = parents.map(|store| store.wait_until_ready().now_or_never().is_some());
        mailboxes.all(|is_listed| is_listed) && parents.all(|is_listed| is_listed)
    }

    /// The exports of a namespace, as the caches have them.
    #[allow(clippy::type_complexity, reason = "one list of each kind")]
    pub(in crate::controller) fn of_namespace(
        &self,
        namespace: &str,
    ) -> (
        Vec<Arc<WorkMailMailboxExport>>,
        Vec<Arc<WorkMailOrganizationExport>>,
    ) {
        let is_there = |of: Option<&str>| of == Some(namespace);
        let mailboxes = self.mailboxes.iter().flat_map(|store| {
            store.state_filter(|one| is_there(one.metadata.namespace.as_deref()))
        });
        let parents = self.parents.iter().flat_map(|store| {
            store.state_filter(|one| is_there(one.metadata.namespace.as_deref()))
        });
        (mailboxes.collect(), parents.collect())
    }

    /// The users and resources of an organization, by a listing no older than `age`.
    pub(in crate::controller) async fn directory(
        &self,
        aws: &Organizations,
        id: &OrganizationId,
        age: Duration,
    ) -> Result<Vec<Entity>, CallError> {
        let directory = self.pool(id).directory(aws, id, age).await?;
        Ok(directory.entities)
    }

    /// Has the resource of an organization reconciled that waits to be deleted: an export has come to its
    /// end.
    pub(super) fn wake_organization(&self, namespace: &str, name: &str) {
        let reference = ObjectRef::new(name).within(namespace);
        let mut stores = self.organizations.iter();
        let found = stores.find_map(|store| store.get(&reference));
        if let Some(object) = found.filter(|one| one.metadata.deletion_timestamp.is_some()) {
            self.context.trigger(key(&*object));
        }
    }

    /// Waits until reconciles may begin.
    pub(super) async fn begun(&self) {
        let mut has_begun = self.has_begun.subscribe();
        // The sender lives as long as this.
        let _ = has_begun.wait_for(|begun| *begun).await;
    }

    /// What the exports of an organization share.
    pub(super) fn pool(&self, organization: &OrganizationId) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(organization.clone()).or_default().clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ObjectKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others have changed the object since the watch last showed it.
    pub(super) fn is_changed(&self, object: &ObjectKey, by_others: u64) -> bool {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        known.by_others.replace(by_others) != Some(by_others)
    }

    /// Whether the state of a mailbox export, or its reason, is another one than the watch showed before.
    pub(super) fn is_news(&self, object: &WorkMailMailboxExport) -> bool {
        let status = object.status.as_ref();
        let ready = status.and_then(|status| {
            let mut conditions = status.conditions.iter();
            conditions.find(|one| one.r#type == ConditionType::Ready.as_str())
        });
        let shown = (
            status.and_then(|status| status.state),
            ready.map(|ready| ready.reason.clone()),
        );
        let mut known = self.known();
        let known = known.entry(key(object)).or_default();
        std::mem::replace(&mut known.shown, shown.clone()) != shown
    }

    /// Takes note of the version that a write made.
    pub(super) fn wrote(&self, object: &ObjectKey, version: Option<String>) {
        self.known().entry(object.clone()).or_default().written = version;
    }

    /// Whether the cache has not seen our last write yet.
    pub(super) fn is_stale(&self, object: &ObjectKey, version: Option<&str>) -> bool {
        let known = self.known();
        let written = known.get(object).and_then(|known| known.written.as_deref());
        let Some(written) = written else {
            return false;
        };
        let number =
            |version: Option<&str>| version.and_then(|version| version.parse::<u64>().ok());
        match (number(version), number(Some(written))) {
            (Some(seen), Some(written)) => seen < written,
            _ => version != Some(written),
        }
    }

    /// How long a status is not written again after its last write, which was less than `gap` ago.
    pub(super) fn waits(&self, object: &ObjectKey, gap: Duration) -> Option<Duration> {
        let known = self.known();
        let written = known.get(object)?.status_written?;
        gap.checked_sub(written.elapsed())
            .filter(|wait| !wait.is_zero())
    }

    /// Takes note of whether the manifest could be written.
    pub(super) fn manifest_written(&self, object: &ObjectKey, is_written: bool) {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        known.manifest_refused = (!is_written).then(Instant::now);
    }

    /// Whether the manifest could not be written a moment ago.
    pub(super) fn is_manifest_refused(&self, object: &ObjectKey) -> bool {
        let known = self.known();
        let refused = known.get(object).and_then(|known| known.manifest_refused);
        refused.is_some_and(|at| at.elapsed() < MANIFEST_WRITES)
    }

    /// Keeps how far the zip of a mailbox export was read, for its next reconcile.
    pub(super) fn keep_inspection(&self, view: &View) {
        let observed = &view.observed;
        let read = observed.head.clone().zip(observed.inspection.clone());
        if let Some(read) = read {
            let mut known = self.known();
            let known = known.entry(view.desired.object.clone()).or_default();
            known.inspection = Some(read);
        }
    }

    /// Whether a role is that of a `WorkMailAccount`.
    pub(super) fn reads_as_account(&self, destination: &Destination) -> bool {
        let role = destination.read_role_arn.as_deref();
        role.is_some_and(|role| self.context.accounts.borrow().have_role(role))
    }

    /// Takes note of a write of the status.
    pub(super) fn writes(&self, object: &ObjectKey) {
        self.known()
            .entry(object.clone())
            .or_default()
            .status_written = Some(Instant::now());
    }

    /// Takes note of the organization that an organization export has recorded.
    pub(super) fn froze(&self, object: &ObjectKey, organization: Option<&OrganizationId>) {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        known.organization = organization.cloned();
    }

    /// Takes note of the state of an object, for the metrics.
    pub(super) fn counted(&self, object: &ObjectKey, state: Option<(&'static str, &'static str)>) {
        let mut known = self.known();
        let known = known.entry(object.clone()).or_default();
        self.context.metrics.export_moved(known.state, state);
        known.state = state;
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) {
        if let Some(known) = self.known().remove(object) {
            self.context.metrics.export_moved(known.state, None);
        }
        let pools: Vec<_> = {
            let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
            pools.values().cloned().collect()
        };
        for pool in pools {
            self.wake_all(pool.queue().leave(object));
        }
    }

    /// How long to wait after an outcome; `None`: until something changes.
    pub(super) fn delay(&self, object: &ObjectKey, retry: Retry) -> Option<Duration> {
        let mut known = self.known();
        let failures = &mut known.entry(object.clone()).or_default().failures;
        let times = match retry {
            Retry::Backoff { .. } => failures.count(crate::api::Class::Transient, 0),
            Retry::OnChange | Retry::In(_) | Retry::Slowly | Retry::Never => {
                failures.end();
                0
            }
        };
        if retry == Retry::OnChange {
            return Some(EXPORT_LOOKS_AGAIN);
        }
        retry.delay(times, rand::random())
    }

    /// Has these mailbox exports reconciled.
    pub(super) fn wake_all(&self, objects: Vec<ObjectKey>) {
        for object in objects {
            for wake in self.wakes.iter().filter(|wake| wake.has(&object)) {
                // The receiver is gone only when the operator ends.
                let _ = wake.mailboxes.send(object.clone());
            }
        }
    }

    /// Has the organization export of a mailbox export reconciled.
    pub(super) fn wake_parent(&self, object: &WorkMailMailboxExport) {
        let Some(parent) = parent_key(object) else {
            return;
        };
        for wake in self.wakes.iter().filter(|wake| wake.has(&parent)) {
            let _ = wake.parents.send(parent.clone());
        }
    }

    /// Has the mailbox exports of an organization export reconciled.
    pub(super) fn wake_children(&self, parent: &WorkMailOrganizationExport) {
        let children = self.children(&key(parent));
        self.wake_all(children.iter().map(|child| key(&**child)).collect());
    }

    /// The mailbox exports that an organization export has made.
    pub(super) fn children(&self, parent: &ObjectKey) -> Vec<Arc<WorkMailMailboxExport>> {
        let is_own = |child: &WorkMailMailboxExport| {
            parent_key(child).is_some_and(|own| own.uid == parent.uid)
        };
        self.mailboxes
            .iter()
            .flat_map(|store| store.state_filter(is_own))
            .collect()
    }

    /// The organization that an export of this namespace names.
    pub(super) fn organization(&self, namespace: &str, name: &str) -> Option<SourceFacts> {
        let reference = ObjectRef::new(name).within(namespace);
        let mut stores = self.organizations.iter();
        let object = stores.find_map(|store| store.get(&reference))?;
        let status = object.status.clone().unwrap_or_default();
        Some(SourceFacts {
            id: status.organization_id.as_deref().map(OrganizationId::from),
            account: status.account_id.as_deref().map(AccountId::from),
            region: status.region.as_deref().map(Region::from),
            has_origin: status.origin.is_some(),
            is_active: status.state.as_deref() == Some("Active"),
            is_full: object.spec.management_policy == ManagementPolicy::Full,
            is_suspended: object.spec.suspend,
            is_deleted: status.deletion.is_some(),
        })
    }

    /// With which account an export works: that of its organization; where that is gone, the one which
    /// served it before.
    pub(super) fn access(&self, namespace: &str, name: &str, served_by: Option<&str>) -> Access {
        let reference = ObjectRef::new(name).within(namespace);
        let mut stores = self.organizations.iter();
        if let Some(object) = stores.find_map(|store| store.get(&reference)) {
            return self.context.access(&object);
        }
        self.context.accounts.borrow().access(Applicant {
            namespace,
            account_ref: served_by,
            used: served_by,
        })
    }

    /// Waits for a place among the reconciles under way. `None` when the process stops.
    pub(super) async fn place(&self, namespace: Option<&str>, organization: &str) -> Option<Place> {
        let namespace = namespace.unwrap_or_default();
        let access = self.access(namespace, organization, None);
        self.context.place_of(&access, namespace).await
    }

    /// The key of the organization's resource, which its tags name.
    pub(super) fn organization_key(&self, namespace: &str, name: &str) -> Option<ObjectKey> {
        let reference = ObjectRef::new(name).within(namespace);
        let mut stores = self.organizations.iter();
        stores
            .find_map(|store| store.get(&reference))
            .map(|object| key(&*object))
    }

    /// Whether the service has ended.
    pub(super) fn is_ended(&self) -> bool {
        ended(self.context.settings.end_of_service, Timestamp::now())
    }

    /// When exports should be complete where no deadline is given: 14 days before the service ends.
    pub(super) fn deadline(&self) -> Timestamp {
        let end = self.context.settings.end_of_service.to_zoned(TimeZone::UTC);
        let end = end.map_or(Timestamp::MAX, |end| end.timestamp());
        end.checked_sub(SignedDuration::from_hours(14 * 24))
            .unwrap_or(end)
    }

    /// All that is known of a mailbox export as its reconcile begins.
    pub(super) fn view(&self, object: &WorkMailMailboxExport, now: Timestamp) -> Option<View> {
        let own_request = object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        let controller = self.controller(object);
        let desired = Desired::parse(object, controller, own_request)?;
        let recorded = object
            .status
            .as_ref()
            .map(Recorded::read)
            .unwrap_or_default();
        let names = (&*desired.object.namespace, desired.organization.as_str());
        let organization = self.organization(names.0, names.1);
        let access = self.access(names.0, names.1, recorded.memory.served_by.as_deref());
        let limits = Limits {
            retry_after: self.context.settings.export_retry_after,
            is_ended: self.is_ended(),
        };
        let deleted_at = object
            .metadata
            .deletion_timestamp
            .as_ref()
            .map(|time| time.0);
        let cluster = self.context.settings.cluster.clone();
        let times = (deleted_at, now);
        let mut view = View::begin(
            desired,
            recorded,
            cluster,
            (organization, access),
            limits,
            times,
        );
        view.facts.reads_as_account = self.reads_as_account(&view.desired.destination);
        let read = {
            let mut known = self.known();
            let known = known.get_mut(&view.desired.object);
            known.and_then(|known| known.inspection.take())
        };
        if let Some((head, inspection)) = read {
            view.observed.head = Some(head);
            view.observed.inspection = Some(inspection);
        }
        let frozen = view.memory.organization.clone();
        let seen = view
            .organization
            .as_ref()
            .and_then(|organization| organization.id.clone());
        if let Some(id) = frozen.or(seen) {
            let pool = self.pool(&id);
            let recorded = view.memory.entity.as_ref();
            view.known = pool.known_entity(recorded.unwrap_or(&view.desired.mailbox));
            // An organization export names its mailboxes by their ids.
            let is_made = view.desired.controller.is_some();
            if let Some(entity) = recorded.or(is_made.then_some(&view.desired.mailbox)) {
                view.facts.is_missing = pool.is_missing(entity);
            }
        }
        Some(view)
    }

    /// The organization export that made a mailbox export, and its request. One that is gone counts as
    /// suspended: its mailbox exports follow it.
    fn controller(&self, object: &WorkMailMailboxExport) -> Option<(Controller, Option<String>)> {
        let parent = parent_key(object)?;
        let reference = ObjectRef::new(&parent.name).within(&parent.namespace);
        let mut stores = self.parents.iter();
        let found = stores
            .find_map(|store| store.get(&reference))
            .filter(|found| found.uid().as_deref() == Some(&*parent.uid));
        let parallelism = found.as_ref().map_or(1, |found| found.spec.parallelism);
        let is_suspended = found
            .as_ref()
            .is_none_or(|found| found.spec.suspend || found.metadata.deletion_timestamp.is_some());
        let organization = found
            .as_ref()
            .and_then(|found| found.status.as_ref()?.organization_id.as_deref())
            .map(OrganizationId::from)
            .or_else(|| self.known().get(&parent)?.organization.clone());
        let requested =
            found.and_then(|found| found.annotations().get(RECONCILE_REQUESTED_AT).cloned());
        let controller = Controller {
            uid: parent.uid.to_string(),
            organization,
            parallelism: usize::try_from(parallelism).unwrap_or(1),
            is_suspended,
        };
        Some((controller, requested))
    }
}

/// The key of an object as the API server holds it.
pub(super) fn key(object: &impl Resource) -> ObjectKey {
    ObjectKey {
        namespace: object.meta().namespace.clone().unwrap_or_default().into(),
        name: object.meta().name.clone().unwrap_or_default().into(),
        uid: object.meta().uid.clone().unwrap_or_default().into(),
    }
}

/// The organization export that made a mailbox export.
pub(super) fn parent_key(object: &WorkMailMailboxExport) -> Option<ObjectKey> {
    let owners = object.metadata.owner_references.as_ref()?;
    let owner = owners.iter().find(|owner| {
        owner.controller == Some(true) && owner.kind == WorkMailOrganizationExport::kind(&())
    })?;
    Some(ObjectKey {
        namespace: object.namespace()?.into(),
        name: owner.name.as_str().into(),
        uid: owner.uid.as_str().into(),
    })
}
