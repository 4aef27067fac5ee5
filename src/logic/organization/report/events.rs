//! The events of an outcome: what is new, once.

use k8s_openapi::jiff::Timestamp;

use super::{Report, leaves, sentences};
use crate::{
    api::{ConditionType, EventReason, Origin, Reason},
    logic::{
        EventKind, ObjectEvent, OrganizationId, Verdict,
        organization::{
            Difference, DriftPath, OrganizationState, Outcome, Release, View, action::Retained,
            drift::word,
        },
    },
};

impl Report {
    pub(super) fn with_events(mut self, view: &View, outcome: &Outcome) -> Self {
        if request_is_handled(view, outcome) {
            self.handled.clone_from(&view.desired.requested);
        }
        let reason_of = |verdicts: &[Verdict]| {
            Verdict::of(verdicts, ConditionType::Ready)
                .map(|seen| (seen.status, seen.reason.clone()))
        };
        let is_new = reason_of(&self.verdicts) != reason_of(&view.previous);
        match outcome {
            Outcome::Active | Outcome::Observed(_) if is_new => self.notes.push(ObjectEvent {
                kind: EventKind::Normal(EventReason::Active),
                message: format!(
                    "Organization {} became Active.",
                    view.summary().map_or("", |seen| seen.id.as_str())
                ),
            }),
            Outcome::Failed(failure) if is_new => {
                let message = sentences::of_failure(failure);
                self.notes.extend(message.map(|message| ObjectEvent {
                    kind: EventKind::Warning(failure.reason),
                    message,
                }));
            }
            Outcome::Released(release) => self.notes.extend(released(view, release)),
            Outcome::Active
            | Outcome::Observed(_)
            | Outcome::Unchanged
            | Outcome::Claiming
            | Outcome::Failed(_)
            | Outcome::Progress { .. }
            | Outcome::Checking
            | Outcome::Searching
            | Outcome::Unconfirmed
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Gone => {}
        }
        self.notes.extend(self.of_conditions(view));
        self.notes.extend(self.of_drift(view, outcome));
        self.notes.extend(without_records(view));
        self.notes.extend(self.too_late(view));
        let of_gate = self.of_gate(view, outcome);
        self.notes.extend(of_gate);
        self
    }

    /// The spec asks for no exports any more.
    fn of_gate(&mut self, view: &View, outcome: &Outcome) -> Option<ObjectEvent> {
        let is_hidden = matches!(
            outcome,
            Outcome::Failed(failure) if failure.reason == Reason::SchemaOutdated
        );
        if is_hidden {
            return None;
        }
        self.memory.gated = view.desired.gate.is_some();
        (view.memory.gated && !self.memory.gated).then(|| ObjectEvent {
            kind: EventKind::Alert(EventReason::ExportGateRemoved),
            message:
                "Set deletion.requireExport again, unless the mail may be lost: a deletion of this \
                      resource does not wait for exports any more."
                    .to_owned(),
        })
    }

    /// A new problem with domains or their records, which has a condition of its own.
    fn of_conditions(&self, view: &View) -> Vec<ObjectEvent> {
        let told: Vec<EventKind> = self.notes.iter().map(|note| note.kind).collect();
        let kinds = [ConditionType::DomainsReady, ConditionType::DnsEndpointReady];
        let mut notes = Vec::new();
        for kind in kinds {
            let Some(now) = Verdict::of(&self.verdicts, kind) else {
                continue;
            };
            let reason = Reason::ALL.iter().find(|one| one.as_str() == now.reason);
            let message = reason.and_then(|reason| sentences::warning(kind, *reason));
            let Some((reason, message)) = reason.zip(message) else {
                continue;
            };
            let warning = EventKind::Warning(*reason);
            let before = Verdict::of(&view.previous, kind);
            if before.is_none_or(|before| before.reason != now.reason) && !told.contains(&warning) {
                notes.push(ObjectEvent {
                    kind: warning,
                    message,
                });
            }
        }
        notes
    }

    /// A spec that is seen for the first time would have kept the organization, had AWS not accepted its
    /// deletion before.
    fn too_late(&self, view: &View) -> Option<ObjectEvent> {
        let (id, accepted) = (view.id()?, view.memory.deletion_accepted?);
        let generation = Some(view.desired.generation);
        let is_new =
            self.observed_generation == generation && view.observed_generation != generation;
        let what = if view.desired.suspend {
            "spec.suspend"
        } else if view.observes() {
            "managementPolicy Observe"
        } else {
            return None;
        };
        let goes = self
            .shown
            .state
            .as_ref()
            .is_none_or(OrganizationState::leaves);
        (leaves(view) && is_new && goes).then(|| ObjectEvent {
            kind: EventKind::Alert(EventReason::TooLate),
            message: format!("{} {what} came too late.", lost(id, accepted)),
        })
    }

    /// What somebody else changed: found under Observe, corrected under Full.
    fn of_drift(&self, view: &View, outcome: &Outcome) -> Option<ObjectEvent> {
        let (kind, opening, drift) = if view.observes() {
            let is_news =
                matches!(outcome, Outcome::Observed(_)) && view.shown.drift != self.shown.drift;
            (
                EventReason::DriftFound,
                "AWS differs from the spec",
                if is_news { &*self.shown.drift } else { &[] },
            )
        } else {
            (
                EventReason::DriftMended,
                "Changed by somebody else and changed back",
                &*view.observed.corrected,
            )
        };
        let told: Vec<String> = drift
            .iter()
            .map(|one| before_and_after(one, kind))
            .collect();
        (!told.is_empty()).then(|| ObjectEvent {
            kind: EventKind::Normal(kind),
            message: format!("{opening}: {}.", told.join("; ")),
        })
    }
}

/// A domain with a hosted zone that was registered on its own: AWS writes records only as it creates.
fn without_records(view: &View) -> Option<ObjectEvent> {
    let registered = view.observed.registered.iter();
    let zoned: Vec<&str> = registered
        .filter(|name| view.desired.zoned.contains(*name))
        .map(String::as_str)
        .collect();
    (!zoned.is_empty()).then(|| ObjectEvent {
        kind: EventKind::Warning(Reason::VerificationPending),
        message: format!(
            "Publish the records of status.domains for {}: it was not created together with the \
             organization, so AWS writes no records into the hosted zone.",
            zoned.join(", ")
        ),
    })
}

fn before_and_after(drift: &Difference, kind: EventReason) -> String {
    let has_no_owner = drift.path == DriftPath::Owner && drift.actual.is_none();
    if has_no_owner && kind == EventReason::DriftFound {
        return "owner is absent: nobody owns it yet".to_owned();
    }
    let [desired, actual] = [&drift.desired, &drift.actual].map(|value| word(value.as_deref()));
    if kind == EventReason::DriftMended {
        format!("{} was {actual} and is {desired} again", drift.path)
    } else {
        format!("{} is {actual}, not {desired}", drift.path)
    }
}

/// The event of a claim, once its save is done. A creation is told once the organization is Active: an
/// event for the id alone would be a write that says nothing which the status does not say.
#[must_use]
pub fn taken(view: &View) -> Option<ObjectEvent> {
    let id = view.id()?;
    match view.memory.origin? {
        Origin::Created => None,
        Origin::Adopted => Some(ObjectEvent {
            kind: EventKind::Normal(EventReason::Adopted),
            message: format!("Organization {id} is this resource's now, by its ownership tags."),
        }),
    }
}

/// Whether the read of AWS that was asked for is done.
const fn request_is_handled(view: &View, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Active | Outcome::Observed(_) | Outcome::Progress { .. } => true,
        // Without a region or with another account's credentials, nothing was read.
        Outcome::Failed(failure) => !failure.read_failed && view.observed.listing.is_some(),
        Outcome::Unchanged
        | Outcome::Claiming
        | Outcome::Checking
        | Outcome::Searching
        | Outcome::Unconfirmed
        | Outcome::Suspended
        | Outcome::Ended
        | Outcome::Released(_)
        | Outcome::Gone => false,
    }
}

/// What to tell of an object that is gone, if anything remains in AWS.
#[must_use]
fn released(view: &View, release: &Release) -> Vec<ObjectEvent> {
    let normal = |reason, message: String| ObjectEvent {
        kind: EventKind::Normal(reason),
        message,
    };
    let id = view.id().map_or("", |id| id.as_str());
    match release {
        Release::NeverCreated => vec![normal(EventReason::Released, never_created(view))],
        Release::Retained(why) => {
            let because = match why {
                Retained::Policy => "deletionPolicy is Retain",
                Retained::NamespaceLeaves => "the whole namespace is being deleted",
                Retained::NamespaceRemade => {
                    "the namespace is younger than this resource: it was deleted and created again"
                }
                Retained::DefinitionLeaves => "the CustomResourceDefinition is being deleted",
                Retained::DefinitionRemade => {
                    "the CustomResourceDefinition is younger than this resource: it was deleted and \
                     created again"
                }
                Retained::EndOfService => "the service has ended",
            };
            vec![retained(view, because)]
        }
        Release::Deleted { directory_left } => {
            let mut notes = vec![normal(
                EventReason::Deleted,
                format!("Organization {id} is deleted in AWS."),
            )];
            notes.extend(directory_left.iter().map(|directory| {
                normal(
                    EventReason::DirectoryLeft,
                    format!(
                        "Directory {directory} of organization {id} stays in AWS and may be billed; \
                         delete it in AWS Directory Service if nothing else needs it."
                    ),
                )
            }));
            notes
        }
        Release::PolicyRetain => Vec::new(),
    }
}

/// What to say of a resource that had no organization. One that was only observed is another's, and stays.
fn never_created(view: &View) -> String {
    match &view.shown.seen {
        Some(id) => format!("Organization {id} was only observed, and stays in AWS as it is."),
        None => "This resource had no organization, so nothing remains of it in AWS.".to_owned(),
    }
}

/// Whether AWS has accepted the deletion in this reconcile, and that is not saved yet.
pub(super) fn is_newly_accepted(view: &View) -> bool {
    let accepted = view.memory.deletion_accepted;
    accepted.is_some() && accepted != view.saved.deletion_accepted
}

/// The event of a deletion that AWS accepted, once its save is done.
#[must_use]
pub fn deletion_started(view: &View) -> Option<ObjectEvent> {
    let id = view.id()?;
    is_newly_accepted(view).then(|| ObjectEvent {
        kind: EventKind::Alert(EventReason::DeletionStarted),
        message: format!(
            "AWS accepted the deletion of organization {id}: it cannot be stopped, and its mail is lost."
        ),
    })
}

fn lost(id: &OrganizationId, accepted: Timestamp) -> String {
    format!(
        "AWS accepted the deletion of organization {id} at {accepted}: it cannot be stopped, and its \
         mail is lost."
    )
}

/// What remains in AWS of an object that goes, or that nothing does.
#[must_use]
pub fn retained(view: &View, because: &str) -> ObjectEvent {
    let (kind, message) = match (view.id(), view.memory.deletion_accepted) {
        (None, _) => (
            EventKind::Normal(EventReason::Retained),
            perhaps_created(view, because),
        ),
        (Some(id), Some(accepted)) => after_acceptance(view, id, accepted, because),
        (Some(id), None) if view.memory.pending_delete().is_some() => (
            EventKind::Alert(EventReason::TooLate),
            format!(
                "Read in AWS whether organization {id} is being deleted, with its mail: that was asked \
                 for, and the answer is not known. This resource went, because {because}."
            ),
        ),
        (Some(id), None) => (
            EventKind::Normal(EventReason::Retained),
            as_last_seen(view, id, because),
        ),
    };
    ObjectEvent { kind, message }
}

fn after_acceptance(
    view: &View,
    id: &OrganizationId,
    accepted: Timestamp,
    because: &str,
) -> (EventKind, String) {
    match &view.shown.state {
        // Shown only once the deletion is known to have come to nothing.
        Some(state) if !state.leaves() => (
            EventKind::Normal(EventReason::Retained),
            format!(
                "Organization {id} stays in AWS, because {because}. AWS accepted its deletion at \
                 {accepted} and did not finish it: when last seen it was {}.",
                state.as_str()
            ),
        ),
        Some(_) | None => (
            EventKind::Alert(EventReason::TooLate),
            format!(
                "{} This resource went, because {because}.",
                lost(id, accepted)
            ),
        ),
    }
}

fn as_last_seen(view: &View, id: &OrganizationId, because: &str) -> String {
    let was_gone = Verdict::of(&view.previous, ConditionType::Ready)
        .is_some_and(|ready| ready.reason == Reason::OrganizationGone.as_str());
    let leaves = view
        .shown
        .state
        .as_ref()
        .is_some_and(OrganizationState::leaves);
    if leaves || was_gone {
        format!(
            "Nothing was done about organization {id}, because {because}; when it was last seen, AWS \
             had deleted it or was deleting it."
        )
    } else {
        format!(
            "Organization {id} stays in AWS as it is, because {because}. If it was Active, the same \
             manifest finds it again by its ownership tags."
        )
    }
}

fn perhaps_created(view: &View, because: &str) -> String {
    let pending = view.memory.pending.as_ref();
    format!(
        "A creation of alias {} was asked for and its answer is not known: an organization may remain \
         in AWS, because {because}. The same manifest may find it again.",
        pending.map_or("", |pending| pending.target.as_str())
    )
}
