//! What every reconcile shares.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp, civil::Date};
use kube::Client;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc, watch},
    time::Instant,
};

use super::{
    domain_waits::DomainWaits,
    process::{Process, Waiting},
    registry::{self, Registry},
    run::stopped,
};
use crate::{
    api::{Condition, ConditionType, Reason, WorkMailOrganization},
    aws::{Aws, Observer, Timing},
    logic::{
        ClusterIdentity, ObjectKey, Region, Verdict,
        organization::{
            Desired, Facts, Memory, Observed, Schema, Shown, ShownDomain, View, remembered,
        },
    },
    metrics::Metrics,
};

/// After this long an organization is no longer young, a pending create is looked for no longer,
/// and a failure to look is told.
const FIFTEEN_MINUTES: Duration = Duration::from_mins(15);

/// AWS looks for the DNS records of a domain this long (WorkMail administrator guide, "Verifying
/// domains").
const VERIFICATION: Duration = Duration::from_hours(72);

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
    /// How often each object is looked at whole.
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

    /// A place among the reconciles under way; none when the process stops.
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

    /// Takes note of what it has. True if that is news.
    pub(super) fn set_schema(&self, schema: Schema) -> bool {
        self.schema.send_if_modified(|known| {
            let is_news = *known != schema;
            *known = schema;
            is_news
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

    /// The object of this view lets a mail domain go: those that wait for it may have it.
    pub(super) fn let_go(&self, view: &View, domain: &str) {
        for other in self.domain_waits.let_go(view, domain) {
            // What was refused to it before may be granted now.
            self.process.change(&other, |known| known.kept = None);
            self.trigger(other);
        }
    }

    /// Names an object that has to be looked at.
    pub(super) fn trigger(&self, object: ObjectKey) {
        // The receiver is gone only when the operator ends.
        let _ = self.changed.send(object);
    }

    /// Takes note of an object, and has those looked at that compete with it.
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
                        unreachable: FIFTEEN_MINUTES,
                    },
                    self.changed.clone(),
                ));
                let works = observer.clone();
                tokio::spawn(async move { works.run().await });
                observer
            })
            .clone()
    }

    /// Looks at AWS for this object no more, until it is reconciled again.
    pub(super) fn leave_alone(&self, object: &ObjectKey) {
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
        self.leave_alone(object);
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
    pub(super) fn view(&self, object: &WorkMailOrganization, now: Timestamp) -> Option<View> {
        let mut desired = Desired::parse(object, self.default_region())?;
        desired.object = self.registry.shared(desired.object);
        let status = object.status.clone().unwrap_or_default();
        let (memory, shown) = remembered(&status);
        let ready = status
            .condition(ConditionType::Ready)
            .map(|ready| &*ready.reason);
        let facts = self.facts(&desired, &memory, &shown, ready, now);
        Some(View {
            competitor: self.registry.competitor(&desired.object),
            cluster: self.settings.cluster.clone(),
            saved: memory.clone(),
            previous: status.conditions.iter().filter_map(verdict).collect(),
            observed_generation: status.observed_generation.filter(|seen| *seen >= 0),
            handled: status.last_handled_reconcile_at,
            observed: Observed::default(),
            desired,
            memory,
            shown,
            facts,
        })
    }

    /// `ready` is the reason of the Ready condition.
    fn facts(
        &self,
        desired: &Desired,
        memory: &Memory,
        shown: &Shown,
        ready: Option<&str>,
        now: Timestamp,
    ) -> Facts {
        let since = |moment: Option<Timestamp>| {
            moment.map(|moment| Duration::try_from(now.duration_since(moment)).unwrap_or_default())
        };
        let object = &desired.object;
        let due = self
            .process
            .full_read_due(object, self.settings.deep_resync_interval);
        let (attempts, unreachable, in_sync, delete_again) = self.process.with(object, |known| {
            let delete_again = known.may_delete_again(desired.generation);
            (
                known.attempts,
                known.unreachable_since,
                known.in_sync,
                delete_again,
            )
        });
        let observer_unreachable = memory
            .region
            .as_ref()
            .and_then(|region| self.observer(region).unreachable_since());
        let pending = memory.pending.as_ref().map(|pending| pending.since);
        Facts {
            schema: self.schema(),
            full_read_due: due <= Instant::now(),
            young: since(memory.created_at).is_some_and(|age| age < FIFTEEN_MINUTES),
            delete_again,
            pending_expired: since(pending).is_some_and(|age| age >= FIFTEEN_MINUTES),
            unproven_claim: self.process.has_unproven_claim(desired),
            new_consent: self
                .process
                .has_new_consent(desired, ready == Some(Reason::OwnershipConflict.as_str())),
            was_in_sync: in_sync == Some(desired.generation),
            domains_due: self.process.domains_due(object, waiting(shown, now)),
            overdue_domains: overdue(shown, now),
            attempts_answered: attempts
                .is_some_and(|(recorded, answered)| answered && Some(recorded) == pending),
            unreachable_for_long: [unreachable, observer_unreachable]
                .into_iter()
                .flatten()
                .any(|since| since.elapsed() >= FIFTEEN_MINUTES),
            ended: ended(self.settings.end_of_service, now),
            end_of_service: self.settings.end_of_service.to_string(),
        }
    }
}

/// The domains whose verification is waited for, if there are any that AWS has not given up on.
pub(super) fn waiting(shown: &Shown, now: Timestamp) -> Option<Waiting> {
    let overdue = overdue(shown, now);
    let pending = shown.pending_domains();
    let count = pending.len();
    pending
        .into_iter()
        .filter(|name| !overdue.contains(name))
        .filter_map(|name| waited(shown.domains.get(&name)?, now))
        .min()
        .map(|youngest| Waiting { count, youngest })
}

/// The domains whose verification has been waited for for as long as AWS tries.
fn overdue(shown: &Shown, now: Timestamp) -> BTreeSet<String> {
    let all = shown.domains.iter();
    all.filter(|(_, domain)| waited(domain, now).is_some_and(|age| age >= VERIFICATION))
        .map(|(name, _)| name.clone())
        .collect()
}

fn waited(domain: &ShownDomain, now: Timestamp) -> Option<Duration> {
    let since = now.duration_since(domain.pending_since?);
    Some(Duration::try_from(since).unwrap_or_default())
}

/// The service has ended from the day after its last day, by UTC.
fn ended(last_day: Date, now: Timestamp) -> bool {
    last_day
        .to_zoned(k8s_openapi::jiff::tz::TimeZone::UTC)
        .is_ok_and(|start| now >= start.timestamp() + SignedDuration::from_hours(24))
}

fn verdict(condition: &Condition) -> Option<Verdict> {
    let kind = ConditionType::ALL
        .into_iter()
        .find(|kind| kind.as_str() == condition.r#type)?;
    Some(Verdict {
        kind,
        status: condition.status,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        generation: condition.observed_generation,
    })
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
    }
}
