//! What a deletion waits for: exports that are under way, and, where exports are required, every mailbox
//! that counts.

use super::{Action, OrganizationId, Outcome, Read, View, delete::blocked, fail, rest};
use crate::logic::{
    export::forbidden,
    gate::{Closing, Missing, Reading, Row, Rule, Verdict, judge},
    text,
};

/// As many names stand in a message.
const NAMED: usize = 5;

/// What is done before the intent of the deletion is recorded, if there is something.
pub(super) fn before_intent(view: &View, id: &OrganizationId) -> Option<Action> {
    let rule = view.gate();
    let Some(reading) = &view.observed.gate else {
        // What is read after the intent is read right before the call.
        let fresh = view.memory.pending_delete().is_some();
        return Some(read(id, rule.is_some(), fresh));
    };
    match passed(view, id, rule.as_ref(), reading) {
        Err(action) => Some(*action),
        Ok(rows) => {
            let closing = Closing::of(&rows).filter(|_| !view.observed.closing)?;
            // A rule that was taken back stops this, too.
            let refusal = view
                .region()
                .and_then(|region| forbidden(&view.facts.access, region, &closing.destination));
            Some(refusal.map_or_else(|| Action::WriteClosing(Box::new(closing)), fail))
        }
    }
}

/// What is done right before the call, if there is something: everything is read once more.
pub(super) fn before_call(view: &View, id: &OrganizationId) -> Option<Action> {
    let is_fresh = view.observed.gate.as_ref().is_some_and(|one| one.is_fresh);
    (!is_fresh).then(|| read(id, view.gate().is_some(), true))
}

fn read(id: &OrganizationId, mailboxes: bool, fresh: bool) -> Action {
    Action::Read(Read::Gate {
        id: id.clone(),
        mailboxes,
        fresh,
    })
}

/// The mailboxes that are exported or waived, where nothing is missing.
fn passed(
    view: &View,
    id: &OrganizationId,
    rule: Option<&Rule>,
    reading: &Reading,
) -> Result<Vec<Row>, Box<Action>> {
    let running = reading.running();
    if !running.is_empty() {
        return Err(Box::new(blocked(
            format!(
                "Wait until these exports end, or delete them: {}.",
                text::first(&running, NAMED)
            ),
            "An organization is not deleted while an export of it is queued or runs.",
        )));
    }
    let Some(rule) = rule else {
        return Ok(Vec::new());
    };
    let observed = &view.observed;
    match judge(rule, reading, view.memory.sweep.as_ref(), &observed.checks) {
        Verdict::Open(rows) => Ok(rows),
        Verdict::Unknown => Err(Box::new(read(id, true, reading.is_fresh))),
        Verdict::Blocked { counted, missing } => {
            Err(Box::new(missing_ones(view, counted, &missing)))
        }
        Verdict::Unchecked(_) if observed.swept => Err(Box::new(rest(Outcome::Checking))),
        Verdict::Unchecked(checks) => {
            let sweep = view.memory.sweep.as_ref();
            let skip = sweep.map_or(0, |sweep| sweep.covers(&checks, rule, reading.at));
            Err(Box::new(Action::Read(Read::Checks {
                id: id.clone(),
                checks: checks.into(),
                skip,
            })))
        }
    }
}

fn missing_ones(view: &View, counted: usize, missing: &[Missing]) -> Action {
    let is_of_account = view.is_gated_by_account();
    if counted == 0 {
        let next = if is_of_account {
            "Have the WorkMailAccount set requireExport to false to delete an organization without mail."
        } else {
            "Remove deletion.requireExport to delete an organization without mail."
        };
        return blocked(
            next,
            "No user or resource has a mailbox, and no export names one. That proves nothing.",
        );
    }
    let next = if is_of_account {
        "Export these mailboxes."
    } else {
        "Export these mailboxes, or waive them in deletion.requireExport.waive."
    };
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    blocked(
        next,
        format!(
            "Of {counted} mailboxes {} are missing: {}.",
            missing.len(),
            text::first(&names, NAMED)
        ),
    )
}
