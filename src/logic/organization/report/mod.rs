//! What the status says of an outcome, and which events go out. Total and pure: times are the
//! publisher's.

mod displayed;
mod domains;
mod events;
mod sentences;

pub use domains::domain_changed;
pub use events::{deletion_started, retained, taken};

use super::{
    Failure, Memory, OrganizationId, Outcome, Policy, Presence, SaveAs, Shown, Verdict, View,
    action::Phase, planned,
};
use crate::api::{Class, ConditionStatus, ConditionType, Origin, Reason};
use crate::logic::ObjectEvent;

/// All of the status but its times, and the events of the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// The generation the conditions speak of; `None` before the first read.
    pub observed_generation: Option<i64>,
    /// What is remembered.
    pub memory: Memory,
    /// What is shown of the organization.
    pub shown: Shown,
    /// The request for a full read that was last fulfilled.
    pub handled: Option<String>,
    /// The conditions, each type at most once.
    pub verdicts: Vec<Verdict>,
    /// What is new and worth an event.
    pub notes: Vec<ObjectEvent>,
}

impl Report {
    /// The Ready condition. It is always there once anything was said.
    #[must_use]
    pub fn ready(&self) -> Option<&Verdict> {
        Verdict::of(&self.verdicts, ConditionType::Ready)
    }

    /// Adds a sentence to the message of the Ready condition, once.
    pub fn add_to_ready(&mut self, sentence: &str) {
        let mut all = self.verdicts.iter_mut();
        let ready = all.find(|verdict| verdict.kind == ConditionType::Ready);
        if let Some(ready) = ready.filter(|ready| !ready.message.ends_with(sentence)) {
            ready.message = format!("{} {sentence}", ready.message);
        }
    }
}

/// The report of a save on the way: an intent leaves the conditions as they were.
#[must_use]
pub fn keep(view: &View, save: SaveAs) -> Report {
    let id = view.id().map_or("", |id| id.as_str());
    match save {
        SaveAs::Intent => as_before(view),
        SaveAs::Answer if events::is_newly_accepted(view) => progress(
            view,
            Phase::Deleting,
            &view.id().map(being_deleted).unwrap_or_default(),
        ),
        SaveAs::Answer if leaves(view) => progress(
            view,
            Phase::Deleting,
            &format!("Organization {id} of a pending creation was found; it is deleted next."),
        ),
        SaveAs::Answer if view.memory.origin == Some(Origin::Adopted) => progress(
            view,
            Phase::Progressing,
            &format!(
                "Organization {id} is this resource's by its ownership tags, and is read next."
            ),
        ),
        SaveAs::Answer => progress(
            view,
            Phase::Requested,
            &format!("AWS accepted the creation of organization {id}."),
        ),
    }
}

/// What is said while AWS deletes the organization.
pub(super) fn being_deleted(id: &OrganizationId) -> String {
    format!("AWS is deleting organization {id}. This resource goes once that is done.")
}

/// Nothing is concluded, so nothing new is said; but something is always said, and what is to be
/// deleted is not Ready.
fn as_before(view: &View) -> Report {
    if let Some(message) = absent_and_young(view) {
        return progress(view, Phase::Deleting, &message);
    }
    match (view.condition(ConditionType::Ready), leaves(view)) {
        // State and conditions are of one read: neither moves without the other.
        (Some(ConditionStatus::False), _) | (Some(_), false) => Report {
            shown: view.shown.clone(),
            ..base(view, view.observed_generation, view.previous.clone())
        },
        (_, true) => progress(
            view,
            Phase::Deleting,
            "The organization is read before it is deleted.",
        ),
        (None, false) => progress(
            view,
            Phase::Progressing,
            "Amazon WorkMail was read once, and is read again before anything is concluded.",
        ),
    }
}

/// What to say of an organization that is to be deleted, and that AWS does not show: so soon after its
/// creation, the listing may be older.
fn absent_and_young(view: &View) -> Option<String> {
    let listing = view.observed.listing.as_ref()?;
    let is_absent = matches!(listing.by_id, Some(Presence::Absent { confirmed: true }));
    let waits = leaves(view)
        && is_absent
        && view.facts.young
        && view.memory.deletion_accepted.is_none()
        && view.observed.failed.is_none();
    let id = view.id().filter(|_| waits)?;
    Some(format!(
        "AWS does not show organization {id} any more. It counts as deleted if that is still so 15 minutes \
         after status.createdAt; this resource waits until then."
    ))
}

/// Whether a deletion under policy Delete has begun.
fn leaves(view: &View) -> bool {
    view.desired.deleting && view.desired.finalizer && view.desired.policy != Policy::Retain
}

/// The report of an outcome.
#[must_use]
pub fn report(view: &View, outcome: &Outcome) -> Report {
    let generation = Some(view.desired.generation);
    match outcome {
        Outcome::Active => {
            // Whether AWS matches the spec is said by Synced alone.
            let id = view.id().map_or("", |id| id.as_str());
            let ready = format!("Organization {id} is Active.");
            let synced = sentences::matches(waiting_default(view));
            let verdicts = [
                (ConditionType::Ready, ready),
                (ConditionType::Synced, synced),
            ]
            .map(|(kind, message)| {
                verdict(view, kind, ConditionStatus::True, Reason::Active, &message)
            })
            .to_vec();
            base(view, generation, verdicts)
        }
        Outcome::Observed(differs) => observed(view, differs.as_ref()),
        // A read was asked for right after a start: nothing is known to be wrong.
        Outcome::Claiming if view.was_ready() && !leaves(view) => as_before(view),
        Outcome::Claiming => progress(
            view,
            if leaves(view) {
                Phase::Deleting
            } else {
                Phase::Progressing
            },
            "The organization was given this resource's ownership tags, which are read once more before \
             anything else is done.",
        ),
        Outcome::Progress { phase, message } => progress(view, *phase, message),
        Outcome::Checking => progress(
            view,
            Phase::Deleting,
            "The exports of all mailboxes are checked once more; the organization is deleted after that.",
        ),
        Outcome::Searching => progress(
            view,
            Phase::Deleting,
            "A creation was asked for and its answer is not known: the organization is searched for, to \
             be deleted, until 15 minutes after status.pending.since.",
        ),
        Outcome::Unconfirmed | Outcome::Unchanged | Outcome::Gone | Outcome::Released(_) => {
            as_before(view)
        }
        Outcome::Failed(failure) => failed(view, failure),
        Outcome::Suspended => suspended(view),
        Outcome::Ended => base(
            view,
            generation,
            vec![
                verdict(
                    view,
                    ConditionType::Ready,
                    ConditionStatus::Unknown,
                    Reason::EndOfService,
                    &sentences::unknown_since(&view.facts.end_of_service),
                ),
                verdict(
                    view,
                    ConditionType::Synced,
                    ConditionStatus::Unknown,
                    Reason::EndOfService,
                    sentences::ENDED_UNKNOWN,
                ),
            ],
        ),
    }
    .with_differences(view, outcome)
    .with_events(view, outcome)
}

/// Under Observe, Ready follows the state alone, and Synced says what differs.
fn observed(view: &View, differs: Option<&Failure>) -> Report {
    let id = view.summary().map_or("", |seen| seen.id.as_str());
    let ready = format!(
        "Organization {id} is Active. Under managementPolicy Observe nothing is changed in AWS."
    );
    let synced = match differs {
        None => verdict(
            view,
            ConditionType::Synced,
            ConditionStatus::True,
            Reason::Active,
            &sentences::observed_matches(waiting_default(view)),
        ),
        Some(differs) => verdict(
            view,
            ConditionType::Synced,
            ConditionStatus::False,
            differs.reason,
            &differs.detail,
        ),
    };
    let ready = verdict(
        view,
        ConditionType::Ready,
        ConditionStatus::True,
        Reason::Active,
        &ready,
    );
    base(view, Some(view.desired.generation), vec![ready, synced])
}

impl Report {
    /// What differs in AWS, and what Full would call, where the outcome rests on a read.
    fn with_differences(mut self, view: &View, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Active | Outcome::Observed(_) | Outcome::Progress { .. } => {}
            Outcome::Failed(failure) if !failure.read_failed => {}
            Outcome::Failed(_)
            | Outcome::Unchanged
            | Outcome::Claiming
            | Outcome::Checking
            | Outcome::Searching
            | Outcome::Unconfirmed
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Released(_)
            | Outcome::Gone => return self,
        }
        self.verdicts.retain(|seen| !is_of_domains(seen));
        self.verdicts.extend(domains::ready(view));
        self.verdicts.sort_by_key(|seen| seen.kind);
        self.shown.drift = view.drift();
        if view.observed.tags.is_some() && view.observed.domains.is_some() {
            // All of it was read anew.
            self.shown.omitted.drift = 0;
        }
        self.shown.omitted.planned_calls = 0;
        let calls = if view.observes() && !view.desired.deleting {
            planned(view).calls
        } else {
            Vec::new()
        };
        self.shown.planned_calls = calls.iter().map(ToString::to_string).collect();
        self
    }
}

const fn is_of_domains(seen: &Verdict) -> bool {
    match seen.kind {
        ConditionType::DomainsReady | ConditionType::DnsEndpointReady => true,
        ConditionType::Ready
        | ConditionType::Reconciling
        | ConditionType::Stalled
        | ConditionType::Synced
        | ConditionType::Suspended
        | ConditionType::EndOfService
        | ConditionType::Complete
        | ConditionType::Failed
        | ConditionType::Verified => false,
    }
}

fn progress(view: &View, phase: Phase, message: &str) -> Report {
    let reason = phase.reason();
    let verdicts = vec![
        verdict(
            view,
            ConditionType::Ready,
            ConditionStatus::False,
            reason,
            message,
        ),
        verdict(
            view,
            ConditionType::Reconciling,
            ConditionStatus::True,
            reason,
            sentences::reconciling(phase),
        ),
        verdict(
            view,
            ConditionType::Synced,
            ConditionStatus::False,
            reason,
            sentences::synced_later(phase),
        ),
    ];
    base(view, Some(view.desired.generation), verdicts)
}

fn failed(view: &View, failure: &Failure) -> Report {
    // A Ready generation stays Ready for a while when it cannot be read: one throttled list must not
    // write ten thousand statuses.
    if failure.read_failed && view.was_ready() && !view.facts.unreachable_for_long && !leaves(view)
    {
        return base(view, view.observed_generation, view.previous.clone());
    }
    let reason = failure.reason;
    let unknown = failure.read_failed
        && !leaves(view)
        && view.observed_generation == Some(view.desired.generation)
        && matches!(
            view.condition(ConditionType::Ready),
            Some(ConditionStatus::True | ConditionStatus::Unknown)
        );
    let (ready, synced) = if unknown {
        (ConditionStatus::Unknown, ConditionStatus::Unknown)
    } else {
        (ConditionStatus::False, ConditionStatus::False)
    };
    let mut verdicts = vec![
        verdict(
            view,
            ConditionType::Ready,
            ready,
            reason,
            &failure.message(),
        ),
        verdict(
            view,
            ConditionType::Synced,
            synced,
            reason,
            sentences::not_synced(failure),
        ),
    ];
    let beside = match reason.class() {
        Class::Terminal => Some((ConditionType::Stalled, sentences::stalled(reason))),
        Class::Recoverable | Class::Transient | Class::InProgress => {
            Some((ConditionType::Reconciling, sentences::retrying(reason)))
        }
        Class::Good => None,
    };
    verdicts.extend(
        beside.map(|(kind, message)| verdict(view, kind, ConditionStatus::True, reason, message)),
    );
    base(view, Some(view.desired.generation), verdicts)
}

fn suspended(view: &View) -> Report {
    let mut verdicts: Vec<Verdict> = view
        .previous
        .iter()
        .filter(|seen| match seen.kind {
            ConditionType::Reconciling
            | ConditionType::Stalled
            | ConditionType::Complete
            | ConditionType::Failed
            | ConditionType::Verified => false,
            ConditionType::Ready
            | ConditionType::Synced
            | ConditionType::DomainsReady
            | ConditionType::DnsEndpointReady
            | ConditionType::Suspended
            | ConditionType::EndOfService => true,
        })
        .cloned()
        .collect();
    if Verdict::of(&verdicts, ConditionType::Ready).is_none() {
        verdicts.push(verdict(
            view,
            ConditionType::Ready,
            ConditionStatus::Unknown,
            Reason::Suspended,
            sentences::SUSPENDED_UNREAD,
        ));
    }
    if has_unapplied_change(view) {
        verdicts.retain(|seen| seen.kind != ConditionType::Synced);
        verdicts.push(verdict(
            view,
            ConditionType::Synced,
            ConditionStatus::Unknown,
            Reason::Suspended,
            sentences::NOT_APPLIED,
        ));
    }
    base(view, view.observed_generation, verdicts)
}

/// Whether the spec of a suspended resource says something else than when it was last applied. A process
/// that has not seen it applied tells by the generations: that a change came together with `suspend` is
/// assumed, rather than to say that AWS matches a spec which it may not match.
fn has_unapplied_change(view: &View) -> bool {
    let generation = view.desired.generation;
    match Verdict::of(&view.previous, ConditionType::Suspended) {
        // Said before of this very spec, or not.
        Some(before) if before.generation == generation => false,
        Some(_) => view.facts.spec_changed.unwrap_or(true),
        None => {
            let is_new = view
                .observed_generation
                .is_some_and(|seen| seen != generation);
            is_new && view.facts.spec_changed.unwrap_or(true)
        }
    }
}

/// The default domain of the spec, where AWS does not have it yet.
fn waiting_default(view: &View) -> Option<&str> {
    let wanted = view.desired.default_domain.as_deref()?;
    let actual = displayed::after_reads(view).default_domain;
    (actual.as_deref() != Some(wanted)).then_some(wanted)
}

/// The condition `EndOfService`. The days that are left are counted when another condition changes its
/// status, reason or generation: a day that passes writes nothing.
fn end_of_service(view: &View, verdicts: &[Verdict], generation: i64) -> Verdict {
    let last_day = &view.facts.end_of_service;
    let (status, reason, message) = if view.facts.ended {
        let message = sentences::ended(last_day);
        (ConditionStatus::True, Reason::EndOfService, message)
    } else {
        let message = sentences::announced(last_day, view.facts.days_left);
        (ConditionStatus::False, Reason::Announced, message)
    };
    let kind = ConditionType::EndOfService;
    let mut now = verdict(view, kind, status, reason, &message);
    // It speaks of the service and not of the spec: it moves with the others, not before them.
    now.generation = generation;
    let shape = |seen: &Verdict| (seen.kind, seen.status, seen.reason.clone(), seen.generation);
    let others = view.previous.iter().filter(|seen| seen.kind != kind);
    let is_written_anyway = !others.map(shape).eq(verdicts.iter().map(shape));
    if let Some(before) = Verdict::of(&view.previous, kind)
        && shape(before) == shape(&now)
        && before.message.contains(last_day.as_str())
        && !is_written_anyway
    {
        now.message.clone_from(&before.message);
    }
    now
}

/// What every report has: memory, what is shown, and the conditions that follow from the spec and
/// the date alone.
fn base(view: &View, observed_generation: Option<i64>, mut verdicts: Vec<Verdict>) -> Report {
    verdicts.retain(|seen| match seen.kind {
        ConditionType::Ready
        | ConditionType::Reconciling
        | ConditionType::Stalled
        | ConditionType::Synced => true,
        ConditionType::Suspended
        | ConditionType::EndOfService
        | ConditionType::DomainsReady
        | ConditionType::DnsEndpointReady
        | ConditionType::Complete
        | ConditionType::Failed
        | ConditionType::Verified => false,
    });
    // As before, until a read says more.
    let before = view.previous.iter();
    verdicts.extend(before.filter(|seen| is_of_domains(seen)).cloned());
    if view.desired.suspend {
        verdicts.push(verdict(
            view,
            ConditionType::Suspended,
            ConditionStatus::True,
            Reason::Suspended,
            sentences::SUSPENDED,
        ));
    }
    verdicts.sort_by_key(|seen| seen.kind);
    let generation = observed_generation.unwrap_or(view.desired.generation);
    let end = end_of_service(view, &verdicts, generation);
    verdicts.push(end);
    Report {
        observed_generation,
        memory: view.memory.clone(),
        shown: displayed::after_reads(view),
        handled: view.handled.clone(),
        verdicts,
        notes: Vec::new(),
    }
}

fn verdict(
    view: &View,
    kind: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
) -> Verdict {
    Verdict {
        kind,
        status,
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
        generation: view.desired.generation,
    }
}
