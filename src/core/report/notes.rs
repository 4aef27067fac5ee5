//! The events of an outcome: what is new and worth telling once.

use super::{Report, Verdict};
use crate::{
    api::{Class, ConditionType, Drift, EventReason, Origin, Reason},
    core::{OrganizationState, Outcome, Release, View, action::Retained},
};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// Its type and reason.
    pub kind: NoteKind,
    /// Its text.
    pub message: String,
}

/// The type and reason of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// Type Normal.
    Normal(EventReason),
    /// Type Warning.
    Warning(Reason),
}

impl Report {
    pub(super) fn with_notes(mut self, view: &View, outcome: &Outcome) -> Self {
        if look_is_done(view, outcome) {
            self.handled.clone_from(&view.desired.requested);
        }
        let reason_of = |verdicts: &[Verdict]| {
            Verdict::of(verdicts, ConditionType::Ready)
                .map(|seen| (seen.status, seen.reason.clone()))
        };
        let is_new = reason_of(&self.verdicts) != reason_of(&view.previous);
        match outcome {
            Outcome::Active | Outcome::Observed(_) if is_new => self.notes.push(Note {
                kind: NoteKind::Normal(EventReason::Active),
                message: format!(
                    "Organization {} is Active.",
                    view.summary().map_or("", |seen| seen.id.as_str())
                ),
            }),
            Outcome::Failed(failure) if is_new => match failure.reason.class() {
                Class::Terminal | Class::Recoverable => self.notes.push(Note {
                    kind: NoteKind::Warning(failure.reason),
                    message: failure.message.clone(),
                }),
                Class::Transient | Class::InProgress | Class::Good => {}
            },
            Outcome::Released(release) => self.notes.extend(released(view, release)),
            Outcome::Active
            | Outcome::Observed(_)
            | Outcome::AsBefore
            | Outcome::Claiming
            | Outcome::Failed(_)
            | Outcome::Progress { .. }
            | Outcome::Searching
            | Outcome::Unconfirmed
            | Outcome::Suspended
            | Outcome::Ended
            | Outcome::Gone => {}
        }
        self.notes.extend(self.of_conditions(view));
        self.notes.extend(self.of_drift(view, outcome));
        self.notes.extend(without_records(view));
        self
    }

    /// A new trouble with domains or their records, told by a condition of its own.
    fn of_conditions(&self, view: &View) -> Vec<Note> {
        let told: Vec<NoteKind> = self.notes.iter().map(|note| note.kind).collect();
        let kinds = [ConditionType::DomainsReady, ConditionType::DnsEndpointReady];
        let mut notes = Vec::new();
        for kind in kinds {
            let Some(now) = Verdict::of(&self.verdicts, kind) else {
                continue;
            };
            let reason = Reason::ALL.iter().find(|one| one.as_str() == now.reason);
            let Some(reason) = reason.filter(|one| match one.class() {
                Class::Terminal | Class::Recoverable => true,
                Class::Transient | Class::InProgress | Class::Good => false,
            }) else {
                continue;
            };
            let warning = NoteKind::Warning(*reason);
            let before = Verdict::of(&view.previous, kind);
            if before.is_none_or(|before| before.reason != now.reason) && !told.contains(&warning) {
                notes.push(Note {
                    kind: warning,
                    message: now.message.clone(),
                });
            }
        }
        notes
    }

    /// What somebody else changed: found under Observe, mended under Full.
    fn of_drift(&self, view: &View, outcome: &Outcome) -> Option<Note> {
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
                &*view.observed.mended,
            )
        };
        let told: Vec<String> = drift
            .iter()
            .map(|one| before_and_after(one, kind))
            .collect();
        (!told.is_empty()).then(|| Note {
            kind: NoteKind::Normal(kind),
            message: format!("{opening}: {}.", told.join("; ")),
        })
    }
}

/// A domain with a hosted zone that was registered on its own: AWS writes records only as it creates.
fn without_records(view: &View) -> Option<Note> {
    let registered = view.observed.registered.iter();
    let zoned: Vec<&str> = registered
        .filter(|name| view.desired.zoned.contains(*name))
        .map(String::as_str)
        .collect();
    (!zoned.is_empty()).then(|| Note {
        kind: NoteKind::Warning(Reason::VerificationPending),
        message: format!(
            "{} did not go along with the creation of the organization, so AWS writes no records into \
             the hosted zone: publish those of status.domains.",
            zoned.join(", ")
        ),
    })
}

fn before_and_after(drift: &Drift, kind: EventReason) -> String {
    let word = |value: &str| {
        if value.is_empty() {
            "absent".to_owned()
        } else {
            format!("{value:?}")
        }
    };
    let (desired, actual) = (word(&drift.desired), word(&drift.actual));
    if kind == EventReason::DriftMended {
        format!("{} was {actual} and is {desired} again", drift.path)
    } else {
        format!("{} is {actual}, not {desired}", drift.path)
    }
}

/// The event of an answered create or a claim, once its save is done.
#[must_use]
pub fn taken(view: &View) -> Option<Note> {
    let id = view.id()?;
    let (kind, message) = match view.memory.origin? {
        Origin::Created => (
            EventReason::OrganizationIdKnown,
            format!("AWS accepted the creation of organization {id}."),
        ),
        Origin::Adopted => (
            EventReason::Adopted,
            format!("Organization {id} is this resource's now, by its ownership tags."),
        ),
    };
    Some(Note {
        kind: NoteKind::Normal(kind),
        message,
    })
}

/// Whether the look at AWS that was asked for is done.
const fn look_is_done(view: &View, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Active | Outcome::Observed(_) | Outcome::Progress { .. } => true,
        // Without a region or with another account's credentials, nothing was looked at.
        Outcome::Failed(failure) => !failure.looking && view.observed.listing.is_some(),
        Outcome::AsBefore
        | Outcome::Claiming
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
fn released(view: &View, release: &Release) -> Vec<Note> {
    let normal = |reason, message: String| Note {
        kind: NoteKind::Normal(reason),
        message,
    };
    let id = view.id().map_or("", |id| id.as_str());
    match release {
        Release::NeverCreated => vec![normal(
            EventReason::Released,
            "This resource has no organization, so nothing remains of it in AWS.".to_owned(),
        )],
        Release::Retained(why) => {
            let because = match why {
                Retained::Policy => "deletionPolicy is Retain",
                Retained::NamespaceLeaves => "the whole namespace is being deleted",
                Retained::DefinitionLeaves => "the CustomResourceDefinition is being deleted",
                Retained::EndOfService => "the service has ended",
            };
            let message = retained(view, because);
            vec![normal(EventReason::Retained, message)]
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

/// What remains in AWS of an object that goes.
#[must_use]
pub fn retained(view: &View, because: &str) -> String {
    let memory = &view.memory;
    let was_gone = Verdict::of(&view.previous, ConditionType::Ready)
        .is_some_and(|ready| ready.reason == Reason::OrganizationGone.as_str());
    let gone = match view.shown.state {
        Some(OrganizationState::Deleting | OrganizationState::Deleted) => true,
        None
        | Some(
            OrganizationState::Requested
            | OrganizationState::Creating
            | OrganizationState::Validating
            | OrganizationState::Active
            | OrganizationState::Impaired
            | OrganizationState::Inactive
            | OrganizationState::Failed
            | OrganizationState::Other(_),
        ) => was_gone,
    };
    match &memory.organization_id {
        Some(id) if gone => format!(
            "Nothing was done about organization {id}, because {because}; when it was last seen, \
             AWS had deleted it or was deleting it."
        ),
        Some(id) => format!(
            "Organization {id} stays in AWS as it is, because {because}. If it was Active, the same \
             manifest finds it again by its ownership tags."
        ),
        None => format!(
            "A creation of alias {} was asked for and its answer is not known: an organization may \
             remain in AWS, because {because}. The same manifest may find it again.",
            memory
                .pending
                .as_ref()
                .map_or("", |pending| pending.target.as_str())
        ),
    }
}
