//! The decision.

use std::collections::BTreeSet;

use super::{
    Action, Child, Directory, Entity, EntityKind, Failure, MOST_MAILBOXES, OrganizationId, Outcome,
    Read, Selection, Source, View,
    canary::{first, stuck},
    forbidden, manifest, select,
    selection::is_left_out,
    source, text,
};
use crate::api::{ExportState, Reason};

/// As many sizes are read in one go.
const SIZES: usize = 20;

/// Returns what is done next.
#[must_use]
pub fn decide(view: &View) -> Action {
    if view.desired.is_deleting {
        return Action::Finish(Outcome::Released);
    }
    manifest::before(view, next(view))
}

fn next(view: &View) -> Action {
    if view.memory.completed_at.is_some() {
        // It is final. Only its manifest may be missing.
        let asks = view.lacks_manifest() && view.observed.account.is_none();
        return if asks {
            Action::Read(Read::Account)
        } else {
            Action::Finish(Outcome::Completed)
        };
    }
    if view.is_ended {
        return Action::Finish(Outcome::Ended);
    }
    let is_suspended = view
        .organization
        .as_ref()
        .is_some_and(|one| one.is_suspended);
    if is_suspended {
        return Action::Finish(Outcome::Suspended);
    }
    let prepared = prepared(view);
    if view.desired.is_suspended {
        // What runs goes on, and is counted.
        return match prepared {
            Err(action) if matches!(*action, Action::Read(_)) => *action,
            Ok(_) | Err(_) => Action::Finish(Outcome::Suspended),
        };
    }
    match prepared {
        Ok(selection) => work(view, &selection),
        Err(action) => *action,
    }
}

/// The mailboxes to export, once all is read that has to be known before.
fn prepared(view: &View) -> Result<Selection, Box<Action>> {
    let read = |read| Box::new(Action::Read(read));
    let trouble = |failure: &Failure| Box::new(Action::Finish(Outcome::Trouble(failure.clone())));
    let source = checked(view).map_err(|failure| trouble(&failure))?;
    match &view.observed.account {
        None => return Err(read(Read::Account)),
        Some(Err(failure)) => return Err(trouble(failure)),
        Some(Ok(account)) if *account != source.account => {
            return Err(trouble(&Failure::of(
                Reason::AccountMismatch,
                format!(
                    "Give the operator credentials of account {}, where the organization is.",
                    source.account
                ),
                format!("It has those of account {account}."),
            )));
        }
        Some(Ok(_)) => {}
    }
    match &view.observed.ownership {
        None => return Err(read(Read::Ownership)),
        Some(Err(failure)) => return Err(trouble(failure)),
        Some(Ok(false)) => {
            return Err(trouble(&Failure::of(
                Reason::OwnershipConflict,
                format!(
                    "See the conditions of WorkMailOrganization {}.",
                    view.desired.organization
                ),
                format!(
                    "The tags of {} do not name it as the owner, and only owned organizations are exported.",
                    source.id
                ),
            )));
        }
        Some(Ok(true)) => {}
    }
    let directory = match &view.observed.directory {
        None => return Err(read(Read::Directory)),
        Some(Err(failure)) => return Err(trouble(failure)),
        Some(Ok(directory)) => directory,
    };
    match &view.observed.recent {
        None => return Err(read(Read::Recent)),
        Some(Err(failure)) => return Err(trouble(failure)),
        Some(Ok(_)) => {}
    }
    let selection = select(&directory.entities, &view.desired.mailboxes, view.now);
    if let Some(failure) = refused(view, directory, &selection) {
        return Err(trouble(&failure));
    }
    if let Some(unsized_ones) = sizes_to_read(view, directory, &selection.entities) {
        return Err(read(Read::Sizes(unsized_ones)));
    }
    if view.memory.organization != view.saved.organization {
        return Err(Box::new(Action::Save));
    }
    Ok(selection)
}

/// Why nothing is begun with this selection. Once a mailbox export is made, users who leave hold up
/// nobody else.
fn refused(view: &View, directory: &Directory, selection: &Selection) -> Option<Failure> {
    let count = selection.entities.len();
    if count > MOST_MAILBOXES {
        return Some(Failure::of(
            Reason::InvalidParameter,
            "Make several exports by mailboxes.include.",
            format!("{count} mailboxes are selected, and one export has {MOST_MAILBOXES} at most."),
        ));
    }
    if !view.children.is_empty() {
        return None;
    }
    if let Some(failure) = unknown(view, selection) {
        return Some(failure);
    }
    if count == 0 {
        return Some(Failure::of(
            Reason::NotFound,
            "Correct mailboxes, or enable a user.",
            "No user or resource that is selected has a mailbox.",
        ));
    }
    let canary = view.desired.canary.as_deref()?;
    let mut entities = directory.entities.iter();
    (!entities.any(|entity| entity.is_called(canary))).then(|| {
        Failure::of(
            Reason::NotFound,
            "Correct canary.",
            format!("No user or resource is called {canary}."),
        )
    })
}

/// Names of `mailboxes.include` that nobody has, and no mailbox export.
fn unknown(view: &View, selection: &Selection) -> Option<Failure> {
    let is_child = |word: &str| {
        let mut children = view.children.iter();
        children.any(|child| child.entity == word || child.label.eq_ignore_ascii_case(word))
    };
    let words = selection.unknown.iter().map(String::as_str);
    let words: Vec<_> = words.filter(|word| !is_child(word)).collect();
    (!words.is_empty()).then(|| {
        Failure::of(
            Reason::NotFound,
            "Correct mailboxes.include.",
            format!("No user or resource is called {}.", text::first(&words, 5)),
        )
    })
}

/// The organization, if it may be exported.
fn checked(view: &View) -> Result<Source, Failure> {
    let desired = &view.desired;
    let id = view.organization.as_ref().and_then(|one| one.id.as_ref());
    if let (Some(frozen), Some(id)) = (&view.memory.organization, id)
        && frozen != id
    {
        return Err(changed(&desired.organization, frozen));
    }
    let source = source(&desired.organization, view.organization.as_ref())?;
    let destination = &desired.destination;
    if let Some(failure) = forbidden(&view.access, &source.region, destination) {
        return Err(failure);
    }
    if desired.destination.kms_key_arn.split(':').nth(3) != Some(source.region.as_str()) {
        return Err(Failure::of(
            Reason::DestinationRefused,
            format!("Set kmsKeyArn to a key of region {}.", source.region),
            "Key, bucket and organization have to be in one region.",
        ));
    }
    Ok(source)
}

fn changed(name: &str, frozen: &OrganizationId) -> Failure {
    Failure::of(
        Reason::OrganizationChanged,
        "Create a new export.",
        format!(
            "WorkMailOrganization {name} is another organization now, and this export is of {frozen}."
        ),
    )
}

/// The users whose sizes are read now: 20 before the first mailbox, and 20 more each time later, so that
/// nothing waits for thousands of calls.
fn sizes_to_read(view: &View, directory: &Directory, selected: &[Entity]) -> Option<Vec<String>> {
    if view.observed.has_read_sizes {
        return None;
    }
    let unread = selected
        .iter()
        .filter(|entity| entity.kind == EntityKind::User)
        .filter(|entity| !directory.sized.contains(&entity.id));
    let unread: Vec<_> = unread.take(SIZES).map(|entity| entity.id.clone()).collect();
    let is_first = directory.sized.is_empty();
    let is_begun = view.current().any(Child::has_succeeded);
    ((is_first || is_begun) && !unread.is_empty()).then_some(unread)
}

/// Mailbox exports are made, replaced, or waited for.
fn work(view: &View, selection: &Selection) -> Action {
    if let Some(child) = superseded(view) {
        return Action::Delete(child.name.clone());
    }
    if !view.current().any(Child::has_succeeded) {
        return first(view, selection);
    }
    let selected = &selection.entities;
    let made: BTreeSet<_> = view
        .children
        .iter()
        .map(|child| child.entity.as_str())
        .collect();
    let open = view.current().filter(|child| child.is_open()).count();
    let none = BTreeSet::new();
    let recent = match &view.observed.recent {
        Some(Ok(recent)) => recent,
        Some(Err(_)) | None => &none,
    };
    if open < view.capacity {
        let missing = || {
            selected
                .iter()
                .filter(|one| !made.contains(one.id.as_str()))
        };
        let next = missing().find(|one| !recent.contains(&one.id));
        // Those that were exported lately are made last; they wait without a slot.
        if let Some(next) = next.or_else(|| missing().next()) {
            return Action::Create(next.clone());
        }
    }
    Action::Finish(outcome(view, selection, &made))
}

/// A mailbox export without success that writes to where the spec said before, or of a mailbox that the
/// spec leaves out by now and that is not being exported.
fn superseded(view: &View) -> Option<&Child> {
    let entities = match &view.observed.directory {
        Some(Ok(directory)) => directory.entities.as_slice(),
        Some(Err(_)) | None => &[],
    };
    let selection = &view.desired.mailboxes;
    let has_words = !selection.include.is_empty() || !selection.exclude.is_empty();
    let is_left_out = |child: &Child| {
        let rests = matches!(
            child.state,
            None | Some(ExportState::Queued | ExportState::Failed)
        );
        let mut entities = entities.iter();
        has_words
            && rests
            && entities
                .find(|entity| entity.id == child.entity)
                .is_some_and(|entity| is_left_out(entity, selection))
    };
    let mut children = view.children.iter();
    children.find(|child| {
        !child.is_deleting && !child.has_succeeded() && (!child.is_current || is_left_out(child))
    })
}

pub(super) fn outcome(view: &View, selection: &Selection, made: &BTreeSet<&str>) -> Outcome {
    let mut selected = selection.entities.iter();
    let has_more = selected.any(|one| !made.contains(one.id.as_str()));
    let under_way = |child: &Child| {
        matches!(
            child.state,
            None | Some(ExportState::Queued | ExportState::Running)
        )
    };
    if let Some(stuck) = view.current().find_map(stuck) {
        return stuck;
    }
    if has_more || view.current().any(under_way) {
        return Outcome::Running;
    }
    if let Some(failure) = unknown(view, selection) {
        return Outcome::Trouble(failure);
    }
    let failed = view
        .current()
        .filter(|child| child.state == Some(ExportState::Failed));
    match failed.count() {
        0 => Outcome::Completed,
        count => Outcome::Failed(Failure::of(
            Reason::ExportFailed,
            "Correct the causes in status.failures and change the annotation workmail-operator.dev/reconcile-requested-at.",
            format!("{count} mailboxes could not be exported."),
        )),
    }
}
