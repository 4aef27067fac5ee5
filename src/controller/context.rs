//! What every reconcile shares.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp, civil::Date};
use kube::Client;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};

use super::{
    domain_waits::DomainWaits,
    process::Process,
    registry::{self, Registry},
    run::stopped,
};
use crate::{
    api::WorkMailOrganization,
    aws::{Aws, Observer, Timing},
    logic::{
        ClusterIdentity, Moment, ObjectKey, Region,
        organization::{Desired, Recorded, Schema, Surroundings, View},
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
    /// The last day of the service.
    pub end_of_service: Date,
    /// Which replica this is.
    pub replica: String,
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
    places: Semaphore,
    /// What the served definition of the kind has.
    schema: watch::Sender<Schema>,
    default_region: Option<Region>,
    observers: Mutex<HashMap<Region, Arc<Observer>>>,
    changed: mpsc::UnboundedSender<ObjectKey>,
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
        Self {
            client,
            aws,
            metrics,
            places: Semaphore::new(0),
            schema: watch::Sender::new(Schema::Unread),
            process: Process::new(settings.since),
            settings,
            registry: Registry::default(),
            domain_waits: DomainWaits::default(),
            stopping,
            default_region,
            observers: Mutex::default(),
            changed,
        }
    }

    /// Lets reconciles begin. Called once, when the objects of all watched namespaces are known, so that
    /// none is taken for the only one of its alias; or when enough was waited for that.
    pub(super) fn begin(&self) {
        self.places.add_permits(self.settings.concurrency.into());
    }

    /// Waits for a place among the reconciles under way. `None` when the process stops.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            place = self.places.acquire() => place.ok(),
            () = stopped(self.stopping.clone()) => None,
        }
    }

    /// What the served definition of the kind has.
    pub(super) fn schema(&self) -> Schema {
        self.schema.borrow().clone()
    }

    /// Records what it has. Returns whether that has changed.
    pub(super) fn set_schema(&self, schema: Schema) -> bool {
        self.schema.send_if_modified(|known| {
            let has_changed = *known != schema;
            *known = schema;
            has_changed
        })
    }

    /// Waits until the definition was read, or is known not to be there.
    pub(super) async fn schema_is_read(&self) {
        let mut schema = self.schema.subscribe();
        // The sender lives as long as this.
        let _ = schema.wait_for(|schema| *schema != Schema::Unread).await;
    }

    pub(super) const fn default_region(&self) -> Option<&Region> {
        self.default_region.as_ref()
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
        for other in self.registry.enter(object, self.default_region()) {
            self.trigger(other);
        }
    }

    /// The observer of a region, set to work when it is first asked for.
    pub(super) fn observer(&self, region: &Region) -> Arc<Observer> {
        let mut observers = self
            .observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        observers
            .entry(region.clone())
            .or_insert_with(|| {
                let observer = Arc::new(Observer::new(
                    region.clone(),
                    self.aws.clone(),
                    Timing {
                        resync: self.settings.resync_interval,
                        unreachable: UNREACHABLE,
                    },
                    self.changed.clone(),
                ));
                let works = observer.clone();
                tokio::spawn(async move { works.run().await });
                observer
            })
            .clone()
    }

    /// Stops observing the organization of this object, until the object is reconciled again.
    pub(super) fn stop_observing(&self, object: &ObjectKey) {
        let observers = self
            .observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        observers
            .values()
            .for_each(|observer| observer.forget(object));
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
        let mut desired = Desired::parse(object, self.default_region())?;
        desired.object = self.registry.shared(desired.object);
        let key = desired.object.clone();
        let recorded = object.status.as_ref().map(Recorded::read);
        let recorded = recorded.unwrap_or_default();
        let surroundings = self.surroundings(recorded.memory.region.as_ref());
        let competitor = self.registry.competitor(&key);
        let cluster = self.settings.cluster.clone();
        let now = self.process.now();
        Some(self.process.with_memory(&key, |memory| {
            let process = (memory, &surroundings);
            View::begin(desired, recorded, cluster, competitor, process, now)
        }))
    }

    /// What holds for all objects that are recorded in this region.
    fn surroundings(&self, region: Option<&Region>) -> Surroundings {
        let now = Timestamp::now();
        let fails_since = region.and_then(|region| self.observer(region).unreachable_since());
        Surroundings {
            started: Moment::default(),
            started_at: self.process.started_at(),
            deep_resync_interval: self.settings.deep_resync_interval,
            schema: self.schema(),
            listing_fails_since: fails_since.map(|since| self.process.moment(since)),
            ended: ended(self.settings.end_of_service, now),
            end_of_service: self.settings.end_of_service.to_string(),
            days_left: days_left(self.settings.end_of_service, now),
        }
    }
}

/// The service has ended from the day after its last day, by UTC.
fn ended(last_day: Date, now: Timestamp) -> bool {
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
