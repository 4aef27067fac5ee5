//! What every reconcile shares.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp, civil::Date};
use kube::Client;
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::{
    domain_waits::DomainWaits,
    export::Exports,
    observers::Observers,
    places::{Place, Places},
    process::Process,
    registry::{self, Registry},
    run::stopped,
};
use crate::{
    api::WorkMailOrganization,
    aws::{Aws, Identity, Timing},
    logic::{
        ClusterIdentity, Moment, ObjectKey, Region,
        account::{Access, Account, Accounts, Applicant},
        organization::{Desired, Memory, Recorded, Schema, Surroundings, View},
        schedule::UNREACHABLE,
    },
    metrics::Metrics,
};

/// How the controller is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The names of this cluster.
    pub cluster: ClusterIdentity,
    /// The namespaces to watch; empty for all.
    pub namespaces: Vec<String>,
    /// How many objects are reconciled at once, in all namespaces together.
    pub concurrency: u16,
    /// How often the organizations are listed while nothing is in transition.
    pub resync_interval: Duration,
    /// How often everything of an object is read.
    pub deep_resync_interval: Duration,
    /// How long after the start of an attempt to export a mailbox the next one may begin.
    pub export_retry_after: Duration,
    /// The last day of the service.
    pub end_of_service: Date,
    /// Which replica this is.
    pub replica: String,
    /// Whether every resource has to have a `WorkMailAccount`.
    pub require_account: bool,
    /// The Helm release that this is.
    pub release: String,
    /// Since when it acts, by the clock of the API server where that is known.
    pub since: Timestamp,
}

/// What every reconcile shares.
pub struct Context {
    pub(super) client: Client,
    pub(super) aws: Arc<Aws>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) settings: Settings,
    pub(super) process: Process,
    pub(super) registry: Registry,
    pub(super) domain_waits: DomainWaits,
    pub(super) stopping: watch::Receiver<bool>,
    /// Of the reconciles under way; there are none before [`Context::begin`].
    pub(super) places: Arc<Places>,
    /// What the served definition of the kind has.
    pub(super) schema: watch::Sender<Schema>,
    default_region: Option<Region>,
    pub(super) observers: Observers,
    /// The accounts, as far as they are known.
    pub(super) accounts: watch::Sender<Accounts>,
    /// The accounts as they were when all of them could be read last.
    accounts_read: Mutex<Option<Accounts>>,
    /// What the served definition of the accounts has.
    pub(super) account_schema: watch::Sender<Schema>,
    changed: mpsc::UnboundedSender<ObjectKey>,
    /// What the controllers of exports share, once they run.
    exports: OnceLock<Weak<Exports>>,
}

impl Context {
    /// A context. Objects whose organization changed are named on `changed`.
    #[must_use]
    pub fn new(
        client: Client,
        aws: Arc<Aws>,
        metrics: Arc<Metrics>,
        settings: Settings,
        stopping: watch::Receiver<bool>,
        changed: mpsc::UnboundedSender<ObjectKey>,
    ) -> Self {
        let default_region = aws.default_region();
        let timing = Timing {
            resync: settings.resync_interval,
            unreachable: UNREACHABLE,
        };
        let accounts = Accounts {
            required: settings.require_account,
            release: settings.release.clone(),
            ..Accounts::default()
        };
        Self {
            client,
            aws,
            metrics,
            places: Arc::default(),
            schema: watch::Sender::new(Schema::Unread),
            process: Process::new(settings.since),
            settings,
            registry: Registry::default(),
            domain_waits: DomainWaits::default(),
            stopping,
            default_region,
            observers: Observers::new(timing, changed.clone()),
            accounts: watch::Sender::new(accounts),
            accounts_read: Mutex::default(),
            account_schema: watch::Sender::new(Schema::Unread),
            changed,
            exports: OnceLock::new(),
        }
    }

    /// Takes note that the controllers of exports run.
    pub(super) fn see_exports(&self, exports: &Arc<Exports>) {
        // They are begun once.
        let _ = self.exports.set(Arc::downgrade(exports));
    }

    /// What the controllers of exports share, once they run.
    pub(super) fn exports(&self) -> Option<Arc<Exports>> {
        self.exports.get().and_then(Weak::upgrade)
    }

    /// Lets reconciles begin. Called once, when the objects of all watched namespaces are known, so that
    /// none is taken for the only one of its alias; or when enough was waited for that.
    pub(super) fn begin(&self) {
        self.places.open(self.settings.concurrency.into());
    }

    /// Waits for a place among the reconciles under way. `None` when the process stops.
    pub(super) async fn place(&self, object: &WorkMailOrganization) -> Option<Place> {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        self.place_of(&self.access(object), namespace).await
    }

    /// The same for whatever works with this account.
    pub(super) async fn place_of(&self, access: &Access, namespace: &str) -> Option<Place> {
        let account = access.account_name().map(Arc::from);
        tokio::select! {
            place = self.places.take((account, namespace.into())) => place,
            () = stopped(self.stopping.clone()) => None,
        }
    }

    /// What the served definition of the kind has.
    pub(super) fn schema(&self) -> Schema {
        self.schema.borrow().clone()
    }

    /// Waits until the definition was read, or is known not to be there; and the accounts.
    pub(super) async fn schema_is_read(&self) {
        let mut schema = self.schema.subscribe();
        let mut accounts = self.accounts.subscribe();
        // The senders live as long as this.
        let _ = schema.wait_for(|schema| *schema != Schema::Unread).await;
        let _ = accounts.wait_for(Accounts::is_read).await;
    }

    /// The object of this view has given up a mail domain: the objects that wait for it are reconciled.
    pub(super) fn domain_is_free(&self, view: &View, domain: &str) {
        for other in self.domain_waits.domain_is_free(view, domain) {
            // What was refused to it before may be granted now.
            self.process
                .change(&other, |known| known.memory.forget_reads());
            self.trigger(other);
        }
    }

    /// Asks for a reconcile of an object.
    pub(super) fn trigger(&self, object: ObjectKey) {
        // The receiver is dropped only when the operator ends.
        let _ = self.changed.send(object);
    }

    /// Registers an object, and asks for a reconcile of the objects that compete with it.
    pub(super) fn enter(&self, object: &WorkMailOrganization) {
        let generation = object.metadata.generation.unwrap_or_default();
        self.process.enter(&registry::key(object), generation);
        let Some(desired) = self.desired(object) else {
            return;
        };
        for other in self.registry.enter(object, desired, &self.access(object)) {
            self.trigger(other);
        }
    }

    /// Stops observing the organization of this object, until the object is reconciled again.
    pub(super) fn stop_observing(&self, object: &ObjectKey) {
        self.observers.forget(object, None);
    }

    /// With which account this object works.
    pub(super) fn access(&self, object: &WorkMailOrganization) -> Access {
        let accounts = self.accounts.borrow();
        accounts.access(applicant(object))
    }

    /// The accounts as they were before a change, or when all of them could be read last.
    pub(super) fn last_read_accounts(&self, before: Accounts, after: &Accounts) -> Accounts {
        let last = self.accounts_read.lock();
        let mut last = last.unwrap_or_else(PoisonError::into_inner);
        let known = if before.is_read() { None } else { last.clone() };
        if after.is_read() {
            *last = Some(after.clone());
        }
        known.unwrap_or(before)
    }

    /// The credentials of an account. `None` where no call is allowed.
    pub(super) fn identity(&self, access: &Access) -> Option<Arc<Identity>> {
        match access {
            Access::OperatorsOwn => Some(self.aws.own()),
            Access::Granted { account, .. } => {
                let Account { role, region, .. } = &**account;
                Some(self.aws.identity(role.as_ref(), region.as_ref()))
            }
            Access::Refused(_) => None,
        }
    }

    /// What the user wants of this object, in the region that its account says where it names none.
    pub(super) fn desired(&self, object: &WorkMailOrganization) -> Option<Desired> {
        let access = self.access(object);
        let region = access.region().or(self.default_region.as_ref());
        let mut desired = Desired::parse(object, region)?;
        self.put_off_request(&mut desired, object);
        Some(desired)
    }

    /// Takes a request for a full read out that has to wait, and asks for a reconcile when it has waited.
    fn put_off_request(&self, desired: &mut Desired, object: &WorkMailOrganization) {
        let status = object.status.as_ref();
        let handled = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        let Some(request) = desired
            .requested
            .as_ref()
            .filter(|one| Some(*one) != handled)
        else {
            return;
        };
        let Some((wait, is_first)) = self.process.request_waits(&desired.object, request) else {
            return;
        };
        desired.requested = handled.cloned();
        if is_first {
            let (changed, object) = (self.changed.clone(), desired.object.clone());
            tokio::spawn(async move {
                sleep(wait).await;
                // The receiver is dropped only when the operator ends.
                let _ = changed.send(object);
            });
        }
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, object: &ObjectKey) -> Option<super::process::Known> {
        self.stop_observing(object);
        self.domain_waits.forget(object);
        let known = self.process.forget(object);
        if let Some(known) = &known {
            self.metrics.moved(known.standing.as_ref(), None);
            self.metrics.drifted(-known.drift);
        }
        // Those that waited for it may go on.
        self.registry
            .leave(object)
            .into_iter()
            .for_each(|other| self.trigger(other));
        known
    }

    /// All that is known of an object as a reconcile begins.
    pub(super) fn view(&self, object: &WorkMailOrganization) -> Option<View> {
        let mut desired = self.desired(object)?;
        desired.object = self.registry.shared(desired.object);
        let key = desired.object.clone();
        let recorded = object.status.as_ref().map(Recorded::read);
        let recorded = recorded.unwrap_or_default();
        let surroundings = self.surroundings(&recorded.memory, self.access(object));
        let competitor = self.registry.competitor(&key);
        let cluster = self.settings.cluster.clone();
        let now = self.process.now();
        Some(self.process.with_memory(&key, |memory| {
            let process = (memory, &surroundings);
            View::begin(desired, recorded, cluster, competitor, process, now)
        }))
    }

    /// What holds for all objects that are recorded in the same account and region.
    fn surroundings(&self, memory: &Memory, access: Access) -> Surroundings {
        let now = Timestamp::now();
        let place = memory.account.as_ref().zip(memory.region.as_ref());
        let observer = place.and_then(|(account, region)| self.observers.get(account, region));
        let fails_since = observer.and_then(|observer| observer.unreachable_since());
        Surroundings {
            started: Moment::default(),
            started_at: self.process.started_at(),
            deep_resync_interval: self.settings.deep_resync_interval,
            schema: self.schema(),
            access,
            listing_fails_since: fails_since.map(|since| self.process.moment(since)),
            ended: ended(self.settings.end_of_service, now),
            end_of_service: self.settings.end_of_service.to_string(),
            days_left: days_left(self.settings.end_of_service, now),
        }
    }
}

/// What of an object says with which account it works.
pub(super) fn applicant(object: &WorkMailOrganization) -> Applicant<'_> {
    let named = object.spec.account_ref.as_ref();
    let status = object.status.as_ref();
    Applicant {
        namespace: object.metadata.namespace.as_deref().unwrap_or_default(),
        account_ref: named.map(|named| named.name.as_str()),
        used: status.and_then(|status| status.account.as_deref()),
    }
}

/// The service has ended from the day after its last day, by UTC.
pub(super) fn ended(last_day: Date, now: Timestamp) -> bool {
    last_day
        .to_zoned(k8s_openapi::jiff::tz::TimeZone::UTC)
        .is_ok_and(|start| now >= start.timestamp() + SignedDuration::from_hours(24))
}

/// The days from the present one to the last day of the service, by UTC.
fn days_left(last_day: Date, now: Timestamp) -> i64 {
    let today = now.to_zoned(k8s_openapi::jiff::tz::TimeZone::UTC).date();
    last_day.duration_since(today).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_ends_with_its_last_day() {
        let last_day = Date::constant(2027, 3, 31);
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        assert!(!ended(last_day, at("2027-03-31T23:59:59Z")));
        assert!(ended(last_day, at("2027-04-01T00:00:00Z")));
        assert_eq!(days_left(last_day, at("2027-03-31T23:59:59Z")), 0);
        assert_eq!(days_left(last_day, at("2027-03-01T00:00:00Z")), 30);
    }
}
